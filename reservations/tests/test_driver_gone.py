"""Bookings of a driver who leaves are called off where the driver made them."""

import pytest

from drivers import services as drivers
from fleets.models import Notice
from reservations.models import Reservation
from reservations.tests.scene import book, make_station, tomorrow

pytestmark = pytest.mark.django_db


def test_what_a_leaver_booked_is_free_again_and_what_staff_booked_for_a_car_stands(cast):
    station, driver = make_station(cast, chargers=3), cast.driver
    own = book(cast, station, driver=driver, kind="driver")
    of_staff = book(
        cast,
        station,
        driver=driver,
        starts_at=tomorrow(14),
        ends_at=tomorrow(15),
        kind="dispatcher",
    )
    anothers = book(cast, station, cast.other_vehicle, driver=cast.other_driver, kind="driver")
    drivers.suspend_driver(driver, actor=cast.actor(), reason="papers")
    assert set(Reservation.objects.values_list("status", flat=True)) == {"reserved"}
    drivers.leave_driver(driver, actor=cast.actor(), reason="moves away")
    bookings = Reservation.objects.in_bulk()
    assert [bookings[b.pk].status for b in (own, of_staff, anothers)] == [
        "canceled",
        "reserved",
        "reserved",
    ]
    assert bookings[own.pk].cancel_reason == "driver"
    assert Notice.objects.filter(kind="reservations.cancelled", user=driver.user).count() == 1
