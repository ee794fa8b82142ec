"""The live map in the admin: own vehicles only, the ground only in the demo."""

from itertools import pairwise

import pytest
from django.test import Client
from django.urls import reverse

from fleets.models import FleetPolicy
from vehicles import services
from vehicles.services import StateRow
from voltop import clock
from voltop.demo.city.ground import ground
from voltop.demo.city.streets import City
from voltop.tests.cast import PASSWORD

DATA = "/admin/vehicles/vehicle/map/data.json"


def browser(user) -> Client:
    client = Client()
    assert client.login(username=user.email, password=PASSWORD)
    return client


def place(vehicle, latitude: float) -> None:
    now = clock.now()
    services.merge_states(
        [StateRow(vehicle.pk, now, position_at=now, latitude=latitude, longitude=9.0)]
    )


def test_the_map_shows_own_vehicles_with_a_position(cast):
    place(cast.vehicle, 19.4)
    place(cast.foreign_vehicle, 52.5)
    assert cast.other_vehicle.pk
    client = browser(cast.dispatcher)
    page = client.get("/admin/vehicles/vehicle/map/").content.decode()
    assert reverse("admin:vehicles_map_data") in page
    assert 'data-zone="America/Mexico_City" data-clock="Mexico City time"' in page
    found = client.get(DATA).json()["vehicles"]
    assert [(v["label"], v["at"], v["offline"]) for v in found] == [("Car 1", [19.4, 9.0], False)]
    everything = browser(cast.superuser).get(DATA).json()["vehicles"]
    assert {v["label"] for v in everything} == {"Car 1", "Wagen 1"}


def test_the_map_tells_who_has_a_car(cast):
    place(cast.vehicle, 19.4)
    assert browser(cast.dispatcher).get(DATA).json()["vehicles"][0]["driver"] is None
    services.assign(cast.vehicle, cast.driver, actor=cast.actor(), kind="permanent")
    assert browser(cast.dispatcher).get(DATA).json()["vehicles"][0]["driver"] == "Dora Driver"


def test_a_battery_is_low_below_what_the_companys_rules_say(cast):
    vehicle, now = cast.vehicle, clock.now()
    services.merge_states(
        [
            StateRow(
                vehicle.pk, now, position_at=now, latitude=19.4, longitude=9.0,
                soc_at=now, soc_pct=29.0,
            )
        ]
    )  # fmt: skip
    client = browser(cast.dispatcher)
    assert [v["low"] for v in client.get(DATA).json()["vehicles"]] == [False]
    FleetPolicy.objects.filter(provider=cast.a).update(low_soc_pct=30)
    assert [v["low"] for v in client.get(DATA).json()["vehicles"]] == [True]


@pytest.mark.parametrize("path", ["/admin/vehicles/vehicle/map/", DATA])
def test_a_driver_and_a_stranger_see_no_map(cast, path):
    assert Client().get(path).status_code == 302
    assert browser(cast.driver.user).get(path).status_code == 302


def test_the_citys_streets_hang_together_and_are_the_same_each_time(rf):
    city, again = City(), City()
    assert city.nodes == again.nodes
    assert len(city.places) > 400
    way = city.route(city.places[0], city.places[-1])
    assert all(two in city.edges[one] for one, two in pairwise(way))
    assert b'"MultiLineString"' in ground(rf.get("/demo/ground.geojson")).content
