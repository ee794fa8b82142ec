"""Two at the same moment: one wins, the other is told; nothing is ever there twice."""

from copy import copy
from decimal import Decimal
from functools import partial

import pytest

from shifts import services
from shifts.errors import StartRefused
from shifts.models import PlatformEntry, Shift, ShiftStint
from shifts.services import EntryRow, parts
from shifts.tests.scene import Scene, at
from vehicles.models import Assignment
from voltop.errors import IllegalMove
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once, one_within_the_other
from voltop.tests.phone import event, sync, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage(transactional_db: None) -> Scene:
    stage = Scene(Cast())
    assert stage.car
    assert stage.other_car
    assert stage.cast.driver
    assert stage.cast.other_driver
    assert stage.actor
    return stage


def test_one_driver_starting_eight_times_gets_one_shift(stage: Scene):
    results = at_once([stage.active] * 8)
    assert {shift.pk for shift in results} == {Shift.objects.get().pk}
    assert (ShiftStint.objects.count(), Assignment.objects.count()) == (1, 1)


def test_two_drivers_wanting_one_car_one_gets_it(stage: Scene):
    drivers = [stage.cast.driver, stage.cast.other_driver]
    results = at_once([lambda d=driver: stage.active(driver=d) for driver in drivers])
    won = [result for result in results if isinstance(result, Shift)]
    lost = [result for result in results if isinstance(result, StartRefused)]
    assert (len(won), len(lost)) == (1, 1)
    [reason] = lost[0].extra["reasons"]
    assert (reason["code"], reason["driver"]) == ("vehicle_assigned", won[0].driver_id)


def test_one_driver_starting_in_two_cars_gets_one(stage: Scene):
    cars = [stage.car, stage.other_car]
    results = at_once([lambda c=car: stage.active(vehicle=c) for car in cars])
    assert sorted(type(result).__name__ for result in results) == ["Shift", "StartRefused"]
    assert Shift.objects.running().count() == 1


def test_ending_eight_times_ends_once(stage: Scene):
    shift = stage.active()
    results = at_once([lambda: services.end_shift(shift, actor=stage.actor, at=at(8))] * 8)
    assert {result.ends_at for result in results} == {at(8)}
    assert shift.events.filter(to_state="ended").count() == 1


def test_end_and_auto_close_together_close_once(stage: Scene):
    shift = stage.active()
    at_once(
        [
            lambda: services.end_shift(shift, actor=stage.actor, at=at(12.5)),
            lambda: services.auto_close(shift, actor=stage.actor, at=at(12.5)),
        ]
    )
    shift.refresh_from_db()
    assert shift.status in ("ended", "auto_closed")
    assert shift.stints.get().ends_at == shift.ends_at


@pytest.mark.parametrize("times", range(3))
def test_end_and_change_of_car_together_leave_no_car_held(stage: Scene, times: int):
    shift = stage.active()
    at_once(
        [
            lambda: services.end_shift(shift, actor=stage.actor, at=at(2)),
            lambda: services.change_vehicle(
                shift, stage.other_car, actor=stage.actor, reason="flat", at=at(1)
            ),
        ]
    )
    shift.refresh_from_db()
    assert (shift.status, shift.ends_at) == ("ended", at(2))
    assert not Assignment.objects.open().exists()
    assert not ShiftStint.objects.filter(ends_at__isnull=True).exists()


def test_a_shift_that_ends_while_its_car_is_changed_locks_the_new_car_too(
    stage: Scene, monkeypatch: pytest.MonkeyPatch
):
    """Without the new car's lock a transfer of it could come in between."""
    shift = stage.active()
    locked: list[list[int]] = []
    lock = parts.lock_vehicles

    def watched(ids):
        locked.append(sorted(ids))
        return lock(locked[-1])

    monkeypatch.setattr(parts, "lock_vehicles", watched)
    same = Shift.objects.get(pk=shift.pk)
    results = one_within_the_other(
        lambda: services.change_vehicle(
            shift, stage.other_car, actor=stage.actor, reason="flat", at=at(1)
        ),
        lambda: services.end_shift(same, actor=stage.actor, at=at(2)),
    )
    assert [result.status for result in results] == ["active", "ended"]
    both = sorted([stage.car.pk, stage.other_car.pk])
    assert locked == [both, [stage.car.pk], [stage.other_car.pk]]
    assert not Assignment.objects.open().exists()


def test_cancel_and_start_together_one_wins(stage: Scene):
    planned = stage.scheduled()
    results = at_once(
        [
            lambda: stage.active(planned=planned),
            lambda: services.cancel_shift(planned, actor=stage.actor, reason="ill", at=at(0)),
        ]
    )
    assert sum(isinstance(result, IllegalMove) for result in results) == 1
    planned.refresh_from_db()
    assert planned.stints.count() == (planned.status == "active")


def test_settling_twice_settles_once(stage: Scene):
    shift = stage.confirmed()
    results = at_once([lambda: services.settle_shifts([shift.pk], actor=stage.actor)] * 2)
    assert sorted(str(type(result).__name__) for result in results) == ["IllegalMove", "int"]
    assert shift.events.filter(to_state="settled").count() == 1


def test_one_batch_of_entries_posted_four_times_makes_each_entry_once(stage: Scene):
    account = services.create_platform_account(
        stage.cast.a, actor=stage.actor, platform="uber", name="Uber"
    )
    rows = [
        EntryRow(
            external_id=f"t-{n}",
            kind="tip",
            occurred_at=at(1),
            posted_at=at(2),
            amount=Decimal("10"),
            currency="MXN",
        )
        for n in range(50)
    ]
    results = at_once([lambda: services.post_entries(account, rows, actor=stage.actor)] * 4)
    outcomes = [answer.outcome for result in results for answer in result]
    assert (outcomes.count("created"), outcomes.count("duplicate")) == (50, 150)
    assert PlatformEntry.objects.count() == 50


def test_the_same_event_sent_eight_times_at_once_is_applied_once(stage: Scene, api):
    stage.hold(stage.car, stage.cast.driver, -100, None)
    phone = api(stage.cast.driver.user)
    sent = [event("shift.start"), event("shift.break")]
    for each in sent:
        answers = at_once([partial(sync, copy(phone), each)] * 8)
        assert {str(answer) for answer in answers} == {str(sync(phone, each))}
        assert told(answers[0]) == [("done", "")]
    shift = Shift.objects.get()
    assert (shift.breaks.count(), shift.events.count()) == (1, 2)


def test_many_phones_with_full_queues_at_once_all_get_through(stage: Scene, api):
    """Each sends its day twice at the same moment; two cars, two drivers, no deadlock, no 500."""
    cars, people = [stage.car, stage.other_car], [stage.cast.driver, stage.cast.other_driver]
    calls = []
    for car, driver in zip(cars, people, strict=True):
        stage.hold(car, driver, -100, None)
        day = [event(f"shift.{move}") for move in ("start", "break", "resume", "end")]
        calls += [partial(sync, copy(api(driver.user)), *day)] * 2
    answers = at_once(calls)
    assert {str(told(answer)) for answer in answers} == {str([("done", "")] * 4)}
    assert Shift.objects.filter(status="ended").count() == 2
