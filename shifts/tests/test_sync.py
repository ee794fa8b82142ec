"""`me/sync`: what a phone queued is applied once, in the order of time, each event by itself."""

import time
from datetime import timedelta

import pytest

from fleets import backends
from fleets.models import FleetPolicy
from shifts import services
from shifts.models import Shift
from shifts.tests.scene import Scene
from telemetry import services as telemetry_services
from vehicles import services as vehicle_services
from voltop import clock
from voltop.context import Actor
from voltop.tables import IdempotencyKey
from voltop.tests.phone import SYNC, ago, event, sync, told


@pytest.fixture
def phone(scene: Scene, api):
    """The phone of a driver who has a usual car."""
    scene.hold(scene.car, scene.cast.driver, -100, None)
    return api(scene.cast.driver.user)


def seen(scene: Scene, *minutes_ago: float) -> None:
    """The car is heard going, so many minutes ago."""
    items = [
        {"vehicle": scene.car.pk, "recorded_at": ago(minutes=m).isoformat(), "speed_kmh": 30}
        for m in minutes_ago
    ]
    actor = Actor("source", scene.source.pk, scene.cast.a.pk)
    assert telemetry_services.ingest(scene.source, items, actor=actor).accepted == len(items)


def test_a_whole_day_in_any_order_is_taken_in_the_order_of_time(scene: Scene, phone):
    seen(scene, 480, 240, 20)
    day = [
        event("shift.end", ago(minutes=20)),
        event("shift.resume", ago(minutes=240)),
        event("shift.start", ago(minutes=480)),
        event("shift.break", ago(minutes=270)),
    ]
    answers = sync(phone, *day)
    shift = Shift.objects.get()
    assert told(answers) == [("done", "")] * 4
    assert {answer["id"] for answer in answers} == {shift.pk}
    assert [answer["client_id"] for answer in answers] == [each["client_id"] for each in day]
    assert shift.starts_at.isoformat() == day[2]["occurred_at"]
    assert shift.ends_at.isoformat() == day[0]["occurred_at"]
    assert not shift.marked_for_review
    [rest] = shift.breaks.all()
    assert round((rest.ends_at - rest.starts_at) / timedelta(minutes=1)) == 30
    assert shift.stints.get().ends_at == shift.ends_at


def test_the_same_event_again_is_applied_once_and_answered_alike(scene: Scene, phone):
    start, end = event("shift.start", ago(minutes=2)), event("shift.end")
    first = sync(phone, start)
    assert sync(phone, start, start) == [first[0], {**first[0], "index": 1}]
    assert told(sync(phone, end)) == [("done", "")]
    assert sync(phone, start) == first  # no second shift after the end
    assert Shift.objects.count() == 1


def test_a_client_id_is_one_event_only(scene: Scene, phone):
    sync(phone, event("shift.start", client_id="one"))
    [answer] = sync(phone, event("shift.end", client_id="one"))
    assert (answer["status"], answer["code"]) == ("refused", "idempotency_key_reused")
    assert Shift.objects.get().is_running


def test_of_two_phones_each_has_its_own_client_ids(scene: Scene, phone, api):
    other = api(scene.cast.other_driver.user)
    scene.hold(scene.other_car, scene.cast.other_driver, -100, None)
    assert told(sync(phone, event("shift.start", client_id="one"))) == [("done", "")]
    assert told(sync(other, event("shift.start", client_id="one"))) == [("done", "")]
    assert Shift.objects.running().count() == 2


def test_one_bad_event_spoils_no_other(scene: Scene, phone):
    answers = sync(
        phone,
        event("shift.start", ago(minutes=3)),
        {"client_id": "two", "kind": "shift.break"},
        event("shift.fly"),
        "no event at all",
        event("shift.start", ago(minutes=2), vehicle=scene.foreign_car.pk),
        event("shift.start", ago(minutes=2), wheels=4),
        event("shift.end"),
    )
    assert told(answers) == [
        ("done", ""),
        ("refused", "required"),
        ("refused", "unknown_offline_kind"),
        ("refused", "object_expected"),
        ("refused", "object_not_found"),
        ("refused", "unknown_field"),
        ("done", ""),
    ]
    assert answers[1]["client_id"] == "two"
    assert answers[5]["errors"][0]["field"] == "data.wheels"
    assert Shift.objects.get().status == "ended"


def test_what_was_wrong_in_itself_stays_refused_and_what_the_moment_refused_may_come_again(
    scene: Scene, phone
):
    vehicle_services.send_to_maintenance(scene.car, actor=scene.actor, reason="brakes")
    odd, start = event("shift.start", wheels=4), event("shift.start")
    refused = sync(phone, odd, start)
    assert told(refused) == [("refused", "unknown_field"), ("refused", "start_refused")]
    assert {reason["code"] for reason in refused[1]["extra"]["reasons"]} == {
        "vehicle_not_in_service"
    }
    assert IdempotencyKey.objects.count() == 1
    vehicle_services.return_to_service(scene.car, actor=scene.actor)
    assert told(sync(phone, odd, start)) == [("refused", "unknown_field"), ("done", "")]


def test_an_end_that_comes_before_its_start_waits_for_it(scene: Scene, phone):
    """Of two requests the later one was faster: the phone keeps the event and sends it again."""
    end, rest = event("shift.end"), event("shift.break", ago(minutes=1))
    early = sync(phone, rest, end)
    assert told(early) == [("later", "no_running_shift")] * 2
    assert told(sync(phone, event("shift.start", ago(minutes=3)))) == [("done", "")]
    assert told(sync(phone, end, rest)) == [("done", "")] * 2
    assert (Shift.objects.get().status, Shift.objects.get().breaks.count()) == ("ended", 1)


def test_an_end_does_not_mean_yesterdays_shift(scene: Scene, phone):
    seen(scene, 23 * 60, 15 * 60)
    start, end = event("shift.start", ago(hours=23)), event("shift.end", ago(hours=15))
    assert told(sync(phone, start, end)) == [("done", "")] * 2
    assert told(sync(phone, event("shift.end"))) == [("later", "no_running_shift")]


def test_end_after_the_office_ended_the_shift_is_the_same_shift(scene: Scene, phone):
    [started] = sync(phone, event("shift.start", ago(minutes=4)))
    services.end_shift(Shift.objects.get(), actor=scene.actor)
    [ended] = sync(phone, event("shift.end"))
    assert (ended["status"], ended["id"]) == ("done", started["id"])
    [rest] = sync(phone, event("shift.break"))
    assert (rest["status"], rest["code"]) == ("refused", "illegal_move")


# --- Which of the two times counts ---------------------------------------------------------------
def test_a_time_that_no_car_vouches_for_makes_no_money(scene: Scene, phone):
    before = clock.now()
    [answer] = sync(phone, event("shift.start", ago(hours=6)))
    shift = Shift.objects.get()
    assert (answer["status"], shift.review_reasons) == ("done", ["late_start"])
    assert shift.starts_at >= before
    said = shift.events.get().claimed_at
    assert round((shift.starts_at - said) / timedelta(hours=1)) == 6


def test_a_whole_day_that_no_car_vouches_for_waits_for_a_person(scene: Scene, phone):
    day = [event("shift.start", ago(hours=6)), event("shift.end", ago(hours=1))]
    assert told(sync(phone, *day)) == [("done", "")] * 2
    shift = Shift.objects.get()
    assert (shift.status, shift.review_reasons) == ("ended", ["late_start", "late_end"])
    assert shift.ends_at - shift.starts_at < timedelta(minutes=1)
    said = [each.claimed_at.isoformat() for each in shift.events.order_by("id")]
    assert said == [each["occurred_at"] for each in day]


def test_a_few_minutes_count_as_told(scene: Scene, phone):
    start = event("shift.start", ago(minutes=4))
    sync(phone, start)
    shift = Shift.objects.get()
    assert (shift.starts_at.isoformat(), shift.review_reasons) == (start["occurred_at"], [])
    assert shift.events.get().claimed_at is None


@pytest.mark.parametrize(("heard_min", "vouches"), [(120, True), (134, True), (140, False)])
def test_the_car_vouches_for_a_quarter_of_an_hour(scene: Scene, phone, heard_min, vouches):
    seen(scene, heard_min)
    start = event("shift.start", ago(minutes=120))
    sync(phone, start)
    shift = Shift.objects.get()
    assert (shift.starts_at.isoformat() == start["occurred_at"]) is vouches
    assert shift.marked_for_review is not vouches


@pytest.mark.parametrize(
    ("ended_min", "heard_min", "reasons"),
    [(60, None, ["late_resume"]), (60, 65, []), (4, None, [])],
)
def test_a_break_that_was_ended_with_hindsight_is_looked_at(
    scene: Scene, phone, ended_min, heard_min, reasons
):
    """It counts as told all the same; a car in use says so too, and so does being prompt."""
    services.start_shift(scene.cast.driver, actor=scene.actor, at=ago(hours=5))
    sync(phone, event("shift.break", ago(minutes=90)))
    if heard_min is not None:
        seen(scene, heard_min)
    back = event("shift.resume", ago(minutes=ended_min))
    assert told(sync(phone, back)) == [("done", "")]
    shift = Shift.objects.get()
    assert (shift.status, shift.review_reasons) == ("active", reasons)
    assert shift.breaks.get().ends_at.isoformat() == back["occurred_at"]


def test_a_clock_that_is_wrong_is_put_right(scene: Scene, phone):
    """Three hours behind: what it shows now tells by how much."""
    wrong = timedelta(hours=3)
    start = event("shift.start", ago(minutes=3) - wrong)
    [answer] = sync(phone, start, sent_at=(clock.now() - wrong).isoformat())
    shift = Shift.objects.get()
    assert (answer["status"], shift.review_reasons) == ("done", [])
    assert abs(shift.starts_at - ago(minutes=3)) < timedelta(seconds=20)


def test_what_has_not_happened_or_is_long_past_is_refused(scene: Scene, phone):
    answers = sync(
        phone,
        event("shift.start", ago(minutes=-6)),
        event("shift.start", ago(hours=24.1)),
        event("shift.start", ago(minutes=-4)),
    )
    assert told(answers) == [
        ("refused", "event_in_future"),
        ("refused", "event_too_old"),
        ("done", ""),
    ]
    assert answers[1]["extra"] == {"oldest_h": 24}
    assert Shift.objects.get().starts_at <= clock.now()


def test_gates_are_asked_of_the_time_that_counts(scene: Scene, phone):
    FleetPolicy.objects.filter(provider=scene.cast.a).update(unplanned_shifts=False)
    services.schedule_shift(
        scene.cast.driver,
        actor=scene.actor,
        vehicle=scene.car,
        starts_at=ago(hours=8),
        ends_at=ago(hours=1),
        at=ago(hours=30),
    )
    seen(scene, 7 * 60)
    assert told(sync(phone, event("shift.start", ago(hours=7)))) == [("done", "")]
    assert Shift.objects.get().status == "active"


# --- The request ---------------------------------------------------------------------------------
def test_fifty_events_and_no_more(scene: Scene, phone):
    assert (
        told(sync(phone, *[event("shift.fly") for _n in range(50)]))
        == [("refused", "unknown_offline_kind")] * 50
    )
    answer = phone.post(SYNC, {"events": [event("shift.fly")] * 51}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_items")


def test_staff_have_no_phone_of_a_driver(scene: Scene, api):
    answer = api(scene.cast.dispatcher).post(SYNC, {"events": [event("shift.end")]}, format="json")
    assert answer.status_code == 403
    client = api(scene.cast.superuser, X_Voltop_Provider=str(scene.cast.a.pk))
    answer = client.post(SYNC, {"events": [event("shift.end")]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_driver_record")


def test_an_event_needs_the_permission_of_its_operation(scene: Scene, phone, monkeypatch):
    held = {"driver": frozenset({"drivers.own_day"})}
    monkeypatch.setattr(backends, "_known", (time.monotonic() + 60, held))
    assert told(sync(phone, event("shift.start"))) == [("refused", "permission_denied")]
    assert not Shift.objects.exists()
