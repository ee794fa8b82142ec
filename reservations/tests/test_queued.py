"""Bookings that a driver's phone called off, or checked in to, without network."""

from datetime import timedelta

from django.db import transaction

from fleets.services.notices import notify
from reservations import services
from reservations.models import Reservation, ReservationKind
from reservations.tests.scene import make_station, tomorrow
from voltop import clock
from voltop.context import Actor
from voltop.tests.phone import ago, event, sync, told


def booked(cast, driver, vehicle, **period):
    return services.book(
        actor=Actor("user", driver.user_id, driver.provider_id),
        driver=driver,
        kind=ReservationKind.DRIVER,
        station=make_station(cast, name=f"For {vehicle}"),
        vehicle=vehicle,
        **({"starts_at": tomorrow(10), "ends_at": tomorrow(11)} | period),
    )


def test_a_booking_is_called_off_once_and_by_its_driver_only(cast, api):
    own = booked(cast, cast.driver, cast.vehicle)
    theirs = booked(cast, cast.other_driver, cast.other_vehicle)
    off = event("reservation.cancel", ago(minutes=30), reservation=own.pk, reason="rain")
    stranger = event("reservation.cancel", reservation=theirs.pk)
    phone = api(cast.driver.user)
    for _again in range(2):
        answers = sync(phone, off, stranger)
        assert told(answers) == [("done", ""), ("refused", "not_found")]
        assert answers[0]["id"] == own.pk
    own.refresh_from_db()
    theirs.refresh_from_db()
    assert (own.status, own.cancel_reason, theirs.status) == ("canceled", "driver", "reserved")
    assert own.events.filter(to_state="canceled").count() == 1


def test_a_check_in_counts_when_it_arrives(cast, api):
    own = booked(cast, cast.driver, cast.vehicle)
    [answer] = sync(api(cast.driver.user), event("reservation.check_in", reservation=own.pk))
    assert (answer["status"], answer["code"]) == ("refused", "check_in_outside_period")


def test_a_booking_that_is_in_use_stands_in_the_day_until_it_ends(cast, api):
    at = clock.now().replace(second=0, microsecond=0)
    own = booked(cast, cast.driver, cast.vehicle, starts_at=at, ends_at=at + timedelta(hours=1))
    called_off = booked(cast, cast.driver, cast.other_vehicle)
    services.cancel(called_off, actor=cast.actor())
    phone = api(cast.driver.user)
    sync(phone, event("reservation.check_in", reservation=own.pk))
    [shown] = phone.get("/api/v1/me/today").json()["bookings"]
    assert (shown["id"], shown["status"]) == (own.pk, "fulfilled")
    Reservation.objects.filter(pk=own.pk).update(
        starts_at=at - timedelta(hours=1), ends_at=at, blocked_until=at
    )
    assert phone.get("/api/v1/me/today").json()["bookings"] == []


def test_a_notice_was_read_when_the_phone_showed_it(cast, api):
    with transaction.atomic():
        own = notify(cast.driver.user, "chat.answered", {"number": 1}, provider_id=cast.a.pk)
        theirs = notify(cast.other_driver.user, "chat.answered", {"number": 1})
    at = ago(hours=2)
    answers = sync(
        api(cast.driver.user),
        event("notice.read", at, notice=own.pk),
        event("notice.read", notice=theirs.pk),
    )
    assert told(answers) == [("done", ""), ("refused", "not_found")]
    own.refresh_from_db()
    theirs.refresh_from_db()
    assert (own.read_at, theirs.read_at) == (at, None)
    assert own.read_at < clock.now()
