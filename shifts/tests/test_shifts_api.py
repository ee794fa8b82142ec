"""Shifts through the API: staff, a driver's phone, integrators, strangers."""

import itertools

import pytest

from drivers import services as driver_services
from shifts import services
from shifts.models import Shift
from shifts.tests.scene import Scene, at
from vehicles import services as vehicle_services

SHIFTS = "/api/v1/shifts"
ME = "/api/v1/me/shift"
keys = itertools.count()


def send(client, path: str, body: dict | None = None, key: str | None = None):
    """POST with an Idempotency-Key, a new one unless given."""
    key = key or f"key-{next(keys)}"
    return client.post(path, body or {}, format="json", HTTP_IDEMPOTENCY_KEY=key)


@pytest.fixture
def phone(scene: Scene, api):
    """The phone of a driver who has a usual car."""
    vehicle_services.assign(
        scene.car, scene.cast.driver, actor=scene.actor, kind="permanent", starts_at=at(-100)
    )
    return api(scene.cast.driver.user)


def test_a_day_of_a_driver_from_the_phone(scene: Scene, phone):
    assert phone.get(ME).status_code == 404
    started = send(phone, f"{ME}/start")
    assert started.status_code == 200, started.json()
    shift = started.json()
    assert (shift["status"], shift["ends_at"]) == ("active", None)
    assert [stint["vehicle"] for stint in shift["stints"]] == [scene.car.pk]
    assert phone.get(ME).json()["id"] == shift["id"]
    assert send(phone, f"{ME}/break").json()["status"] == "on_break"
    assert send(phone, f"{ME}/break").status_code == 409
    assert send(phone, f"{ME}/resume").json()["status"] == "active"
    ended = send(phone, f"{ME}/end").json()
    assert (ended["id"], ended["status"], ended["close_reason"]) == (
        shift["id"],
        "ended",
        "driver",
    )
    assert len(ended["breaks"]) == 1
    assert send(phone, f"{ME}/break").json()["code"] == "no_running_shift"


def test_phone_that_retries_gets_the_same_shift_with_the_same_key_or_another(scene: Scene, phone):
    first = send(phone, f"{ME}/start", key="one")
    same = send(phone, f"{ME}/start", key="one")
    other = send(phone, f"{ME}/start", key="two")
    assert {answer.json()["id"] for answer in (first, same, other)} == {first.json()["id"]}
    assert same["Idempotent-Replayed"] == "true"
    ends = [send(phone, f"{ME}/end", key=key).json()["ends_at"] for key in ("e1", "e1", "e2")]
    assert len(set(ends)) == 1
    assert Shift.objects.count() == 1


def test_phone_must_send_a_key(phone):
    for name in ("start", "break", "resume", "end"):
        answer = phone.post(f"{ME}/{name}", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


def test_end_without_ever_a_shift(phone):
    assert send(phone, f"{ME}/end").json()["code"] == "no_running_shift"


def test_driver_sets_no_gate_aside(scene: Scene, phone):
    answer = send(phone, f"{ME}/start", {"override_reason": "please"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


def test_refused_start_names_every_reason(scene: Scene, phone):
    vehicle_services.send_to_maintenance(scene.car, actor=scene.actor, reason="brakes")
    driver_services.suspend_driver(scene.cast.driver, actor=scene.actor, reason="papers")
    answer = send(phone, f"{ME}/start")
    assert (answer.status_code, answer.json()["code"]) == (409, "start_refused")
    reasons = {reason["code"] for reason in answer.json()["extra"]["reasons"]}
    assert reasons == {"driver_not_active", "vehicle_not_in_service"}


def test_staff_has_no_shift_of_their_own(scene: Scene, api):
    assert api(scene.cast.dispatcher).get(ME).status_code == 403


def test_whoever_may_everything_is_still_nobodys_driver(scene: Scene, api):
    client = api(scene.cast.superuser, X_Voltop_Provider=str(scene.cast.a.pk))
    answer = client.get(ME)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_driver_record")


def test_driver_reads_no_list_of_shifts(scene: Scene, phone):
    assert phone.get(SHIFTS).status_code == 403


# --- Staff ---------------------------------------------------------------------------------------
def test_dispatcher_plans_starts_changes_the_car_and_ends(scene: Scene, api):
    client = api(scene.cast.dispatcher)
    made = send(
        client,
        SHIFTS,
        {
            "driver": scene.cast.driver.pk,
            "vehicle": scene.car.pk,
            "starts_at": "2099-03-01T08:00:00-06:00",
            "ends_at": "2099-03-01T16:00:00-06:00",
        },
    )
    assert made.status_code == 201, made.json()
    path = f"{SHIFTS}/{made.json()['id']}"
    assert made.json()["business_date"] == "2099-03-01"
    early = send(client, f"{path}/start")
    assert [r["code"] for r in early.json()["extra"]["reasons"]] == ["shift_too_early"]
    started = send(client, f"{path}/start", {"override_reason": "flight landed early"})
    assert (started.status_code, started.json()["status"]) == (200, "active")
    changed = send(
        client, f"{path}/change-vehicle", {"vehicle": scene.other_car.pk, "reason": "flat"}
    )
    assert [s["vehicle"] for s in changed.json()["stints"]] == [scene.car.pk, scene.other_car.pk]
    assert send(client, f"{path}/end").json()["close_reason"] == "staff"
    assert send(client, f"{path}/confirm").json()["status"] == "confirmed"
    assert send(client, f"{path}/reopen").json()["code"] == "reason_required"
    assert send(client, f"{path}/reopen", {"reason": "car"}).json()["status"] == "ended"
    events = client.get(f"{path}/events").json()["results"]
    assert [e["to_state"] for e in events] == [
        "scheduled",
        "active",
        "ended",
        "confirmed",
        "ended",
    ]


def test_unplanned_start_by_staff_answers_201(scene: Scene, api):
    body = {"driver": scene.cast.driver.pk, "vehicle": scene.car.pk}
    answer = send(api(scene.cast.dispatcher), f"{SHIFTS}/start", body)
    assert (answer.status_code, answer.json()["status"]) == (201, "active")


def test_plan_is_cancelled_with_a_reason(scene: Scene, api):
    shift = scene.scheduled()
    answer = send(api(scene.cast.dispatcher), f"{SHIFTS}/{shift.pk}/cancel", {"reason": "ill"})
    assert answer.json()["status"] == "cancelled"


def test_accountant_confirms_but_starts_nothing(scene: Scene, api):
    client = api(scene.cast.accountant)
    shift = scene.ended()
    assert send(client, f"{SHIFTS}/{shift.pk}/start").status_code == 403
    assert send(client, f"{SHIFTS}/{shift.pk}/confirm").json()["status"] == "confirmed"


def test_many_are_confirmed_each_for_itself(scene: Scene, api):
    ended = scene.ended()
    running = scene.active(driver=scene.cast.other_driver, vehicle=scene.other_car)
    ids = [ended.pk, running.pk, 10**12]
    answer = send(api(scene.cast.dispatcher), f"{SHIFTS}/bulk-confirm", {"ids": ids}).json()
    assert (answer["done"], answer["refused"]) == (1, 2)
    assert [row["code"] for row in answer["results"]] == ["", "illegal_move", "not_found"]
    ended.refresh_from_db()
    assert ended.status == "confirmed"


def test_anothers_shift_and_anothers_car_do_not_exist(scene: Scene, api):
    shift = scene.active()
    outsider = api(scene.cast.outsider)
    assert outsider.get(f"{SHIFTS}/{shift.pk}").status_code == 404
    assert outsider.get(f"{SHIFTS}/{shift.pk}/events").status_code == 404
    assert send(outsider, f"{SHIFTS}/{shift.pk}/end").status_code == 404
    body = {"vehicle": scene.foreign_car.pk, "reason": "x"}
    answer = send(api(scene.cast.owner), f"{SHIFTS}/{shift.pk}/change-vehicle", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "object_not_found")


def test_lists_are_filtered_by_state_driver_and_date(scene: Scene, api):
    ended = scene.ended()
    running = scene.active(driver=scene.cast.other_driver, vehicle=scene.other_car, at=at(30))
    client = api(scene.cast.viewer)

    def found(query: str) -> list[int]:
        answer = client.get(f"{SHIFTS}?{query}")
        assert answer.status_code == 200, answer.json()
        return [row["id"] for row in answer.json()["results"]]

    assert found("") == [ended.pk, running.pk]
    assert found("status=ended,settled") == [ended.pk]
    assert found(f"driver={scene.cast.other_driver.pk}") == [running.pk]
    assert found("date_from=2026-03-03") == [running.pk]
    assert found("date_to=2026-03-03") == [ended.pk]
    assert found("marked_for_review=true") == []


def test_a_list_takes_the_same_queries_however_long(scene: Scene, api, django_assert_num_queries):
    client = api(scene.cast.viewer)
    for day in range(5):
        shift = scene.active(at=at(24 * day))
        services.end_shift(shift, actor=scene.actor, at=at(24 * day + 8))
    with django_assert_num_queries(5):  # caller, driver records, shifts, stints, breaks
        assert len(client.get(SHIFTS).json()["results"]) == 5
