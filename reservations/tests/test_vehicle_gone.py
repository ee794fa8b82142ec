"""Bookings of a car that has gone, to another company or for good, are called off."""

import pytest

from reservations import services
from reservations.models import Reservation
from reservations.tests.scene import book, make_station, tomorrow
from vehicles import services as vehicles

pytestmark = pytest.mark.django_db


def statuses(*reservations: Reservation) -> list[str]:
    return [Reservation.objects.get(pk=r.pk).status for r in reservations]


def test_a_transfer_calls_off_what_stands_and_leaves_what_was(cast):
    station = make_station(cast)
    used = book(cast, station)
    services.check_in(used, actor=cast.actor(), at=tomorrow(10))
    coming = book(cast, station, starts_at=tomorrow(14), ends_at=tomorrow(15))
    anothers = book(cast, station, cast.other_vehicle)

    vehicles.transfer_vehicle(cast.vehicle, cast.b, actor=cast.actor(), reason="sold")

    assert statuses(used, coming, anothers) == ["fulfilled", "canceled", "reserved"]
    coming.refresh_from_db()
    event = coming.events.latest("id")
    assert (coming.cancel_reason, event.to_state) == ("vehicle", "canceled")
    assert (event.reason, event.actor) == ("vehicle handed over", str(cast.actor()))
    assert event.provider_id == cast.a.pk
    again = book(cast, station, cast.other_vehicle, starts_at=tomorrow(14), ends_at=tomorrow(15))
    assert again.status == "reserved"


def test_retiring_a_car_calls_off_its_bookings(cast):
    coming = book(cast, make_station(cast))
    pending = book(
        cast,
        make_station(cast, name="Held", hold_channel="csms"),
        starts_at=tomorrow(16),
        ends_at=tomorrow(17),
    )
    actor = cast.actor()
    vehicles.take_out_of_service(cast.vehicle, actor=actor, reason="old")
    assert statuses(coming, pending) == ["reserved", "pending"]
    vehicles.retire_vehicle(cast.vehicle, actor=actor, reason="scrapped")
    assert statuses(coming, pending) == ["canceled", "canceled"]
    assert (
        services.call_off_vehicle(
            cast.vehicle.pk, cast.a.pk, actor=actor, reason="again", at=tomorrow(9)
        )
        == 0
    )
