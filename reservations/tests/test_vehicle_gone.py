"""Bookings of a car that has gone, to another company or for good, are called off."""

import pytest

from reservations import services
from reservations.errors import VehicleTaken
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


def test_a_used_booking_of_the_old_company_keeps_the_new_one_from_nothing(cast):
    """What A's drivers did with the car is A's; B neither waits for it nor sees when it was."""
    used = book(cast, make_station(cast))
    services.check_in(used, actor=cast.actor(), at=tomorrow(10))
    vehicles.transfer_vehicle(cast.vehicle, cast.b, actor=cast.actor(), reason="sold")
    cast.vehicle.refresh_from_db()
    theirs = make_station(cast, provider=cast.b)
    values = {"actor": cast.actor(cast.b), "station": theirs, "vehicle": cast.vehicle}
    booked = services.book(**values, starts_at=tomorrow(10), ends_at=tomorrow(11))
    assert (booked.status, booked.provider_id) == ("reserved", cast.b.pk)
    with pytest.raises(VehicleTaken) as taken:
        services.book(**values, starts_at=tomorrow(9, 30), ends_at=tomorrow(10, 30))
    assert taken.value.extra["reservation"] == booked.pk
    assert taken.value.extra["free"][0]["starts_at"] == tomorrow(11).strftime("%Y-%m-%dT%H:%M:%SZ")
