"""Bookings in the admin: what the form offers, what a booking's page is called."""

import pytest
from django.test import Client

from reservations.models import Reservation
from reservations.tests.scene import book, make_station, plug, tomorrow

pytestmark = pytest.mark.django_db


def test_connectors_say_at_which_station_they_are_and_bookings_whose_they_are(cast):
    station = make_station(cast)
    client = Client()
    client.force_login(cast.owner)
    page = client.get("/admin/reservations/reservation/add/").content.decode()
    assert '<optgroup label="Yard">' in page
    assert "any that fits here" in page
    assert ">E1 1 (Type 2)<" in page
    booking = book(cast, station)
    page = client.get(f"/admin/reservations/reservation/{booking.pk}/change/").content.decode()
    assert f"Booking of {cast.vehicle}, " in page


def test_a_connector_of_another_station_is_refused_at_its_field(cast):
    station, other = make_station(cast), make_station(cast, name="Elsewhere")
    client = Client()
    client.force_login(cast.owner)
    day = tomorrow(10).date().isoformat()
    form = {
        "station": station.pk,
        "connector": plug(other).pk,
        "vehicle": cast.vehicle.pk,
        "starts_at_0": day,
        "starts_at_1": "10:00",
        "ends_at_0": day,
        "ends_at_1": "11:00",
    }
    page = client.post("/admin/reservations/reservation/add/", form)
    assert page.context["adminform"].form.errors == {
        "connector": ["This connector is at another station."]
    }
    assert (
        client.post("/admin/reservations/reservation/add/", form | {"connector": ""}).status_code
        == 302
    )
    booked = Reservation.objects.get()
    assert booked.connector.evse.station == station
