"""A shift at work and its end: breaks, another car, closing by the clock, confirming."""

from datetime import UTC, date, datetime

import pytest

from fleets import services as fleet_services
from fleets.models import AuditEntry, Notice
from shifts import services
from shifts.errors import (
    InvalidShiftPeriod,
    NoRunningShift,
    SameVehicle,
    ShiftPlanOverlap,
    ShiftTooLong,
    StartRefused,
)
from shifts.models import MetricsRequest, Shift
from shifts.signals import shift_confirmed, shift_ended, shift_reopened, shift_started
from shifts.tests.scene import T0, H, Scene, at
from vehicles import services as vehicle_services
from vehicles.models import Assignment, VehicleState
from voltop.errors import IllegalMove, NotFound, ReasonRequired

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """The signals sent, in order."""
    names: list[str] = []
    signals = {
        "started": shift_started,
        "ended": shift_ended,
        "confirmed": shift_confirmed,
        "reopened": shift_reopened,
    }
    receivers = {}
    for name, signal in signals.items():
        receivers[name] = lambda name=name, **kwargs: names.append(name)
        signal.connect(receivers[name], weak=False)
    yield names
    for name, signal in signals.items():
        signal.disconnect(receivers[name])


def test_the_life_of_a_shift_is_told_once_each(scene: Scene, heard):
    shift = scene.confirmed()
    services.reopen_shift(shift, actor=scene.actor, reason="wrong car", at=at(9.5))
    services.end_shift(shift, actor=scene.actor, at=at(9.6))
    assert heard == ["started", "ended", "confirmed", "reopened"]


def test_end_gives_the_car_back_and_asks_for_metrics(scene: Scene):
    shift = scene.ended()
    assert (shift.status, shift.ends_at, shift.close_reason) == ("ended", at(8), "staff")
    stint = shift.stints.get()
    assert (stint.ends_at, stint.assignment.ends_at) == (at(8), at(8))
    assert MetricsRequest.objects.get().shift_id == shift.pk


def test_driver_who_ends_is_named_as_the_one(scene: Scene):
    shift = scene.active()
    driver = scene.cast.driver
    ended = services.end_shift(shift, actor=scene.actor_of(driver), at=at(8))
    assert ended.close_reason == "driver"
    assert ended.events.last().actor == f"user:{driver.user_id}"


def test_suspended_driver_may_still_end(scene: Scene):
    from drivers import services as driver_services

    shift = scene.active()
    driver_services.suspend_driver(scene.cast.driver, actor=scene.actor, reason="papers")
    assert services.end_shift(shift, actor=scene.actor, at=at(1)).status == "ended"


def test_breaks_are_kept_and_an_open_one_ends_with_the_shift(scene: Scene):
    shift = scene.on_break()
    services.resume(shift, actor=scene.actor, at=at(3.5))
    services.take_break(shift, actor=scene.actor, at=at(6))
    services.end_shift(shift, actor=scene.actor, at=at(7))
    periods = [(rest.starts_at, rest.ends_at) for rest in shift.breaks.order_by("pk")]
    assert periods == [(at(3), at(3.5)), (at(6), at(7))]


def test_nothing_ends_at_the_instant_it_began(scene: Scene):
    shift = scene.active()
    with pytest.raises(InvalidShiftPeriod):
        services.end_shift(shift, actor=scene.actor, at=T0)
    services.take_break(shift, actor=scene.actor, at=at(1))
    with pytest.raises(InvalidShiftPeriod):
        services.resume(shift, actor=scene.actor, at=at(1))
    with pytest.raises(InvalidShiftPeriod):
        services.end_shift(shift, actor=scene.actor, at=at(1))
    shift.refresh_from_db()
    assert (shift.status, shift.ends_at) == ("on_break", None)


def test_end_of_another_companys_shift_is_not_found(scene: Scene):
    shift = scene.active()
    with pytest.raises(NotFound):
        services.end_shift(shift, actor=scene.cast.actor(scene.cast.b), at=at(1))


# --- Another car ---------------------------------------------------------------------------------
def change(scene: Scene, shift: Shift, vehicle, hours: float = 2, **values) -> Shift:
    values = {"actor": scene.actor, "reason": "puncture", "at": at(hours), **values}
    return services.change_vehicle(shift, vehicle, **values)


def test_another_car_closes_one_stint_and_opens_the_next_at_one_instant(scene: Scene):
    shift = change(scene, scene.active(), scene.other_car)
    assert shift.status == "active"
    rows = [
        (stint.assignment.vehicle_id, stint.starts_at, stint.ends_at, stint.reason)
        for stint in shift.stints.order_by("pk")
    ]
    assert rows == [
        (scene.car.pk, T0, at(2), ""),
        (scene.other_car.pk, at(2), None, "puncture"),
    ]
    held = Assignment.objects.order_by("pk").values_list("vehicle_id", "starts_at", "ends_at")
    assert list(held) == [
        (scene.car.pk, T0, at(2)),
        (scene.other_car.pk, at(2), None),
    ]
    assert AuditEntry.objects.filter(action="shift.vehicle_changed").count() == 1


def test_the_first_car_can_be_taken_again(scene: Scene):
    shift = change(scene, scene.active(), scene.other_car, 2)
    shift = change(scene, shift, scene.car, 4)
    assert shift.stints.count() == 3


def test_same_car_is_no_change(scene: Scene):
    with pytest.raises(SameVehicle):
        change(scene, scene.active(), scene.car)


def test_car_is_changed_only_while_the_shift_runs(scene: Scene):
    with pytest.raises(NoRunningShift):
        change(scene, scene.ended(), scene.other_car, 9)


def test_change_without_a_reason_is_refused(scene: Scene):
    with pytest.raises(ReasonRequired):
        change(scene, scene.active(), scene.other_car, reason=" ")


def test_new_car_passes_its_own_gates_or_keeps_the_old_one(scene: Scene):
    shift = scene.active()
    VehicleState.objects.filter(vehicle=scene.other_car).update(soc_pct=3, soc_at=T0)
    with pytest.raises(StartRefused) as raised:
        change(scene, shift, scene.other_car)
    assert [reason["code"] for reason in raised.value.extra["reasons"]] == ["soc_too_low"]
    assert shift.stints.get().ends_at is None
    assert change(scene, shift, scene.other_car, override_reason="tow").stints.count() == 2


def test_car_in_maintenance_is_not_taken_whatever_the_reason(scene: Scene):
    vehicle_services.send_to_maintenance(scene.other_car, actor=scene.actor, reason="brakes")
    with pytest.raises(StartRefused):
        change(scene, scene.active(), scene.other_car, override_reason="please")


# --- The clock -----------------------------------------------------------------------------------
def test_shift_that_nobody_ends_is_closed_at_the_longest_shift_for_review(scene: Scene):
    shift = scene.active()  # 12 h and 15 min of grace by default
    assert services.auto_close_due(at=at(12.2)) == 0
    assert services.auto_close_due(at=at(12.25)) == 1
    assert services.auto_close_due(at=at(12.5)) == 0
    shift.refresh_from_db()
    assert (shift.status, shift.ends_at) == ("auto_closed", at(12))
    assert (shift.close_reason, shift.review_reasons) == ("too_long", ["auto_closed"])
    assert shift.marked_for_review
    assert shift.stints.get().assignment.ends_at == at(12)
    assert shift.events.last().actor == "system:shifts.auto_close_due"
    notice = Notice.objects.get(user=shift.driver.user)
    assert (notice.kind, notice.about_id) == ("shifts.auto_closed", shift.pk)
    assert notice.params["ended_at"] == at(12).isoformat()


def test_closing_leaves_whole_what_began_after_the_longest_shift(scene: Scene):
    shift = scene.active()
    services.take_break(shift, actor=scene.actor, at=at(12.1))
    assert services.auto_close_due(at=at(13)) == 1
    shift.refresh_from_db()
    rest = shift.breaks.get()
    assert rest.starts_at == at(12.1)
    assert shift.ends_at == rest.ends_at
    assert rest.ends_at > rest.starts_at


def test_running_shift_is_not_closed_before_its_time(scene: Scene):
    with pytest.raises(IllegalMove):
        services.auto_close(scene.active(), actor=scene.actor, at=at(11))


def test_plan_that_nobody_came_to_is_missed_after_its_end(scene: Scene):
    shift = scene.scheduled()
    assert services.miss_due(at=at(7.9)) == 0
    assert services.miss_due(at=at(8)) == 1
    assert services.miss_due(at=at(9)) == 0
    shift.refresh_from_db()
    assert shift.status == "missed"


# --- Plans ---------------------------------------------------------------------------------------
def test_two_plans_of_a_driver_never_overlap(scene: Scene):
    first = scene.scheduled()
    with pytest.raises(ShiftPlanOverlap) as raised:
        scene.scheduled(starts_at=at(7), ends_at=at(9))
    assert raised.value.extra == {"shift": first.pk}
    assert scene.scheduled(starts_at=at(8), ends_at=at(9)).status == "scheduled"


def test_cancelled_plan_makes_room_at_once(scene: Scene):
    scene.cancelled()
    assert scene.scheduled().status == "scheduled"


def test_plan_has_an_order_and_a_length(scene: Scene):
    with pytest.raises(InvalidShiftPeriod):
        scene.scheduled(ends_at=T0)
    with pytest.raises(ShiftTooLong):
        scene.scheduled(ends_at=at(12.1))


def test_car_that_went_to_another_company_is_in_no_plan(scene: Scene):
    planned = scene.scheduled()
    vehicle_services.transfer_vehicle(scene.car, scene.cast.b, actor=scene.cast.platform)
    planned.refresh_from_db()
    assert (planned.status, planned.planned_vehicle) == ("scheduled", None)


def test_cancelling_asks_for_a_reason(scene: Scene):
    with pytest.raises(ReasonRequired):
        services.cancel_shift(scene.scheduled(), actor=scene.actor, reason="", at=T0)


# --- Business date and zone ----------------------------------------------------------------------
def test_business_date_is_the_local_date_of_the_planned_start(scene: Scene):
    late = datetime(2026, 3, 3, 5, 50, tzinfo=UTC)  # 23:50 on 2 March in Mexico City
    planned = scene.scheduled(starts_at=late, ends_at=late + 6 * H)
    assert planned.business_date == date(2026, 3, 2)
    shift = scene.active(at=late + H / 4)
    assert (shift.pk, shift.business_date) == (planned.pk, date(2026, 3, 2))


def test_unplanned_shift_belongs_to_the_local_date_of_its_start_at_its_depot(scene: Scene):
    cast = scene.cast
    depot = fleet_services.create_depot(
        cast.a, actor=scene.actor, name="Tijuana", time_zone="America/Tijuana"
    )
    from drivers import services as driver_services

    driver_services.update_driver(cast.driver, actor=scene.actor, depot=depot)
    cast.driver.refresh_from_db()
    shift = scene.active(at=datetime(2026, 3, 3, 7, 30, tzinfo=UTC))  # 23:30 in Tijuana
    assert (shift.depot, shift.time_zone) == (depot, "America/Tijuana")
    assert shift.business_date == date(2026, 3, 2)


# --- Confirming, reopening, settling -------------------------------------------------------------
def test_marked_shift_is_confirmed_only_with_a_reason_and_the_mark_goes(scene: Scene):
    shift = services.end_shift(scene.auto_closed(), actor=scene.actor, at=at(13))
    assert (shift.status, shift.ends_at) == ("ended", at(12))
    with pytest.raises(ReasonRequired):
        services.confirm_shift(shift, actor=scene.actor, at=at(14))
    shift = services.confirm_shift(shift, actor=scene.actor, reason="asked her", at=at(14))
    assert (shift.status, shift.marked_for_review, shift.review_reasons) == (
        "confirmed",
        False,
        [],
    )
    assert AuditEntry.objects.get(action="shift.review_cleared").reason == "asked her"


def test_reopening_asks_for_a_reason(scene: Scene):
    with pytest.raises(ReasonRequired):
        services.reopen_shift(scene.confirmed(), actor=scene.actor, reason="")


def test_settling_is_all_or_none(scene: Scene):
    confirmed = scene.confirmed()
    other = scene.active(driver=scene.cast.other_driver, vehicle=scene.other_car)
    with pytest.raises(IllegalMove) as raised:
        services.settle_shifts([confirmed.pk, other.pk], actor=scene.actor)
    assert raised.value.extra["shifts"] == [other.pk]
    with pytest.raises(NotFound):
        services.settle_shifts([confirmed.pk, 10**9], actor=scene.actor)
    with pytest.raises(NotFound):
        services.settle_shifts([confirmed.pk], actor=scene.cast.actor(scene.cast.b))
    confirmed.refresh_from_db()
    assert confirmed.status == "confirmed"
    assert services.settle_shifts([confirmed.pk], actor=scene.actor, at=at(20)) == 1
    event = confirmed.events.last()
    assert (event.from_state, event.to_state, event.at) == ("confirmed", "settled", at(20))
