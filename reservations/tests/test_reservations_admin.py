"""Bookings in the admin: what the form offers, what a booking's page is called."""

import pytest
from django.test import Client

from reservations.tests.scene import book, make_station

pytestmark = pytest.mark.django_db


def test_connectors_say_at_which_station_they_are_and_bookings_whose_they_are(cast):
    station = make_station(cast)
    client = Client()
    client.force_login(cast.owner)
    page = client.get("/admin/reservations/reservation/add/").content.decode()
    assert "Yard: E1 1 (" in page
    booking = book(cast, station)
    page = client.get(f"/admin/reservations/reservation/{booking.pk}/change/").content.decode()
    assert f"Booking of {cast.vehicle}, " in page
