"""What the house tells: which moves become events, and how the feed is read."""

from datetime import timedelta

import pytest
from django.db import connection

from drivers import services as driver_services
from vehicles import services as vehicle_services
from voltop import events
from voltop.events import Event
from voltop.states import Machine

FEED = "/api/v1/events/"

TOLD = {
    "drivers.models.DRIVER_MACHINE": {
        "driver.invited", "driver.onboarding", "driver.active", "driver.suspended",
        "driver.leaving", "driver.terminated",
    },
    "drivers.models.DOCUMENT_MACHINE": {
        "driver_document.pending", "driver_document.approved", "driver_document.rejected",
        "driver_document.expired",
    },
    "vehicles.models.VEHICLE_MACHINE": {
        "vehicle.in_service", "vehicle.maintenance", "vehicle.out_of_service", "vehicle.retired",
    },
    "chat.models.CONVERSATION_MACHINE": {"conversation.opened", "conversation.resolved"},
    "chat.models.ALARM_MACHINE": {"alarm.ringing", "alarm.acknowledged"},
    "shifts.models.SHIFT_MACHINE": {
        "shift.scheduled", "shift.active", "shift.on_break", "shift.ended", "shift.auto_closed",
        "shift.confirmed", "shift.settled", "shift.missed", "shift.cancelled",
    },
    "reservations.models.RESERVATION_MACHINE": {
        "reservation.pending", "reservation.reserved", "reservation.fulfilled",
        "reservation.rejected", "reservation.failed", "reservation.canceled",
        "reservation.no_show",
    },
    "payments.models.ADJUSTMENT_MACHINE": {
        "adjustment.requested", "adjustment.approved", "adjustment.rejected", "adjustment.applied",
    },
    "payments.models.BATCH_MACHINE": {"payment_batch.approved"},
    "payments.models.PAYMENT_MACHINE": {"payment.paid", "payment.failed"},
    "payments.models.PAYOUT_MACHINE": {"payout.returned"},
}  # fmt: skip


@pytest.mark.parametrize(("path", "kinds"), TOLD.items(), ids=[p.split(".")[-1] for p in TOLD])
def test_a_machine_tells_what_integrators_were_promised(path, kinds):
    module, _, name = path.rpartition(".")
    machine: Machine = getattr(__import__(module, fromlist=[name]), name)
    assert machine.news is not None
    assert {kind for state in machine.moves if (kind := machine.news.kind(state))} == kinds


def told(kind: str) -> list[Event]:
    return list(Event.objects.filter(kind=kind).order_by("id"))


def test_a_move_is_told_with_version_columns_and_actor(cast):
    driver, actor = cast.driver, cast.actor()
    Event.objects.all().delete()
    driver = driver_services.suspend_driver(driver, actor=actor, reason="lost licence")
    (event,) = Event.objects.all()
    assert (event.kind, event.object_type, event.object_id) == (
        "driver.suspended", "driver", driver.pk,
    )  # fmt: skip
    assert (event.provider_id, event.object_version) == (cast.a.pk, driver.row_version)
    assert (event.from_state, event.to_state, event.changed) == ("active", "suspended", ["status"])
    assert event.actor == str(actor)
    assert "licence" not in str(events.as_json(event))


def test_a_move_that_fails_tells_nothing(cast):
    driver = cast.driver
    Event.objects.all().delete()
    with pytest.raises(Exception, match="not possible"):
        driver_services.onboard_driver(driver, actor=cast.actor())
    assert not Event.objects.exists()


def test_a_changed_record_names_its_columns_and_not_their_values(cast):
    driver = driver_services.update_driver(cast.driver, actor=cast.actor(), given_name="Zaida")
    (event,) = told("driver.updated")
    assert (event.changed, event.object_version) == (["given_name"], driver.row_version)
    assert "Zaida" not in str(events.as_json(event))
    vehicle = vehicle_services.update_vehicle(cast.vehicle, actor=cast.actor(), label="V-77")
    (event,) = told("vehicle.updated")
    assert (event.object_id, event.changed) == (vehicle.pk, ["label"])


def test_an_assignment_tells_who_and_which_car(cast):
    made = vehicle_services.assign(cast.vehicle, cast.driver, actor=cast.actor(), kind="permanent")
    (event,) = told("assignment.made")
    assert event.related == {"vehicle": cast.vehicle.pk, "driver": cast.driver.pk}
    assert event.object_id == made.pk
    later = made.starts_at + timedelta(hours=1)
    vehicle_services.end_assignment(made, actor=cast.actor(), ends_at=later)
    assert [e.object_id for e in told("assignment.ended")] == [made.pk]


def test_a_vehicle_that_changes_hands_is_told_to_each_company_once(cast):
    vehicle = cast.vehicle
    vehicle_services.transfer_vehicle(
        vehicle, actor=cast.actor(), to=cast.b, reason="sold", at=None
    )
    assert [e.provider_id for e in told("vehicle.given")] == [cast.a.pk]
    assert [e.provider_id for e in told("vehicle.received")] == [cast.b.pk]


# --- the feed ------------------------------------------------------------------------------------


@pytest.fixture
def owner(cast, api):
    return api(cast.owner)


def test_the_feed_shows_numbered_events_of_ones_own_company_in_their_order(cast, owner):
    driver = cast.driver
    assert cast.foreign_driver
    assert owner.get(FEED).json()["results"] == []
    events.send_pending()
    rows = owner.get(FEED).json()["results"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["provider"] for row in rows} == {cast.a.pk}
    assert [row["type"] for row in rows if row["data"]["object"] == "driver"] == [
        "driver.invited", "driver.onboarding", "driver.active",
    ]  # fmt: skip
    active = rows[-1]
    assert active["data"] == {
        "object": "driver", "id": driver.pk, "version": driver.row_version, "changed": ["status"],
        "from_state": "onboarding", "to_state": "active", "related": {},
        "actor": str(cast.actor()),
    }  # fmt: skip
    assert active["id"].startswith("evt_")


def test_the_feed_goes_on_after_a_number_and_by_kind_and_object(cast, owner):
    driver, other = cast.driver, cast.other_driver
    events.send_pending()
    assert [row["seq"] for row in owner.get(FEED, {"after": 2}).json()["results"]] == [3, 4, 5, 6]
    of_kind = owner.get(FEED, {"type": "driver.active"}).json()["results"]
    assert [row["data"]["id"] for row in of_kind] == [driver.pk, other.pk]
    of_one = owner.get(FEED, {"object": "driver", "object_id": other.pk, "page_size": 2}).json()
    assert [row["type"] for row in of_one["results"]] == ["driver.invited", "driver.onboarding"]
    assert of_one["next"]


@pytest.mark.parametrize("after", ["-1", "x", "1.0", "9" * 25])
def test_a_number_that_is_none_is_refused(owner, after):
    answer = owner.get(FEED, {"after": after})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "after"


def test_who_stayed_away_too_long_is_told_where_the_feed_begins(cast, owner):
    assert cast.driver
    events.send_pending()
    first, second, _third = Event.objects.for_provider(cast.a.pk).order_by("seq")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE voltop_event SET created_at = now() - interval '36 days' WHERE id = ANY(%s)",
            [[first.pk, second.pk]],
        )
    events.forget_old()
    answer = owner.get(FEED, {"after": 1})
    assert (answer.status_code, answer.json()["code"]) == (410, "events_forgotten")
    assert answer.json()["extra"] == {"oldest": 3}
    assert [row["seq"] for row in owner.get(FEED, {"after": 2}).json()["results"]] == [3]
    assert [row["seq"] for row in owner.get(FEED, {"after": 0}).json()["results"]] == [3]
