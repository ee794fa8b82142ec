"""Many who want one slot: one gets it, nobody deadlocks, everybody gets a clear answer."""

import pytest
from django.db import connection

from drivers import services as drivers
from drivers.errors import DriverNotActive
from drivers.models import Driver
from reservations import services
from reservations.errors import CheckInOutsidePeriod, ConnectorTaken
from reservations.models import ChargingStation, Reservation
from reservations.tests.scene import book, make_station, tomorrow
from vehicles import services as vehicles
from vehicles.errors import VehicleRetired
from vehicles.models import Vehicle
from voltop.errors import NotFound
from voltop.tests.cast import Cast
from voltop.tests.parallel import at_once, one_within_the_other

OVERLAPS = """
SELECT count(*) FROM reservations_reservation a JOIN reservations_reservation b
ON a.id < b.id AND (a.evse_id = b.evse_id OR a.vehicle_id = b.vehicle_id)
AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
WHERE a.status IN ('pending', 'reserved', 'fulfilled')
AND b.status IN ('pending', 'reserved', 'fulfilled')
"""


@pytest.mark.django_db(transaction=True)
def test_sixteen_want_one_slot_and_one_gets_it():
    cast = Cast()
    station = make_station(cast, chargers=1)
    cars = [cast.new_vehicle(f"Car {n}") for n in range(16)]
    cast.actor()
    found = at_once([lambda car=car: book(cast, station, car) for car in cars])
    won = [result for result in found if isinstance(result, Reservation)]
    assert len(won) == 1
    assert {type(result) for result in found if result is not won[0]} == {ConnectorTaken}


@pytest.mark.django_db(transaction=True)
def test_a_storm_of_overlapping_wishes_leaves_no_overlap():
    cast = Cast()
    station = make_station(cast, chargers=2)
    cars = [cast.new_vehicle(f"Car {n}") for n in range(4)]
    cast.actor()
    wishes = [
        lambda car=cars[n % 4], start=n % 5: book(
            cast,
            station,
            car,
            starts_at=tomorrow(10, start * 10),
            ends_at=tomorrow(10, start * 10 + 25),
        )
        for n in range(40)
    ]
    for batch in range(0, 40, 10):
        results = at_once(wishes[batch : batch + 10])
        strange = [
            r for r in results if not isinstance(r, Reservation) and getattr(r, "status", 0) != 409
        ]
        assert strange == []
    with connection.cursor() as cursor:
        cursor.execute(OVERLAPS)
        assert cursor.fetchone()[0] == 0
    assert Reservation.objects.count() >= 2


def scene() -> tuple[Cast, ChargingStation]:
    """Everybody is there before the threads begin."""
    cast = Cast()
    _ = cast.actor(), cast.b, cast.vehicle, cast.driver
    return cast, make_station(cast)


def hand_over(cast: Cast) -> None:
    vehicles.transfer_vehicle(cast.vehicle, cast.b, actor=cast.actor(), reason="sold")


def retire(cast: Cast) -> None:
    car = Vehicle.objects.get(pk=cast.vehicle.pk)  # what the booking holds stays as it was
    vehicles.take_out_of_service(car, actor=cast.actor(), reason="old")
    vehicles.retire_vehicle(car, actor=cast.actor(), reason="scrapped")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("go", "refusal"), [(hand_over, NotFound), (retire, VehicleRetired)])
def test_a_car_that_goes_at_the_same_moment_is_not_booked(go, refusal):
    cast, station = scene()
    _gone, booked = one_within_the_other(lambda: go(cast), lambda: book(cast, station))
    assert isinstance(booked, refusal)
    assert not Reservation.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("go", [hand_over, retire])
def test_a_booking_made_at_the_same_moment_goes_with_the_car(go):
    cast, station = scene()
    booked, gone = one_within_the_other(lambda: book(cast, station), lambda: go(cast))
    assert gone is None
    booked.refresh_from_db()
    assert booked.status == "canceled"


@pytest.mark.django_db(transaction=True)
def test_a_driver_suspended_at_the_same_moment_books_nothing():
    cast, station = scene()
    same = Driver.objects.get(pk=cast.driver.pk)
    _suspended, booked = one_within_the_other(
        lambda: drivers.suspend_driver(same, actor=cast.actor(), reason="papers"),
        lambda: book(cast, station, driver=cast.driver),
    )
    assert isinstance(booked, DriverNotActive)
    assert not Reservation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_check_in_is_judged_by_the_period_that_stands_when_its_turn_comes():
    cast, station = scene()
    booked = book(cast, station)
    same = Reservation.objects.get(pk=booked.pk)
    actor = cast.actor()
    _moved, refused = one_within_the_other(
        lambda: services.change_period(
            same, actor=actor, starts_at=tomorrow(14), ends_at=tomorrow(15)
        ),
        lambda: services.check_in(booked, actor=actor, at=tomorrow(10)),
    )
    assert isinstance(refused, CheckInOutsidePeriod)
    booked.refresh_from_db()
    assert (booked.status, booked.checked_in_at) == ("reserved", None)


@pytest.mark.django_db(transaction=True)
def test_a_booking_moved_as_it_is_found_unused_stands():
    cast, station = scene()
    booked = book(cast, station)
    actor = cast.actor()
    moved, released = one_within_the_other(
        lambda: services.change_period(
            booked, actor=actor, starts_at=tomorrow(14), ends_at=tomorrow(15)
        ),
        lambda: services.release_no_shows(at=tomorrow(10, 45)),
    )
    assert (moved.starts_at, released) == (tomorrow(14), 0)
    booked.refresh_from_db()
    assert booked.status == "reserved"


@pytest.mark.django_db(transaction=True)
def test_a_booking_confirmed_as_its_hold_runs_out_has_not_failed():
    cast, _station = scene()
    held = book(cast, make_station(cast, name="Held", hold_channel="csms"))
    actor = cast.actor()
    confirmed, released = one_within_the_other(
        lambda: services.confirm(held, actor=actor),
        lambda: services.release_no_shows(at=tomorrow(10)),
    )
    assert (confirmed.status, released) == ("reserved", 0)
    held.refresh_from_db()
    assert held.status == "reserved"
