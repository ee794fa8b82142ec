"""The demo's chargers: a bay is CHARGING while a car of the city stands at it."""

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from reservations.models import ChargingSession, Evse
from reservations.tests.scene import make_station
from voltop.demo.city.cars import Car
from voltop.demo.city.company import HOMES
from voltop.demo.city.plugs import Plugs
from voltop.demo.city.streets import City

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(cast, api):
    """The owner's way to the API, as the demo's client has it."""
    client = api(cast.owner)

    def each(path, **parameters):
        return client.get(f"/api/v1/{path}", parameters).json()["results"]

    def post(path, body=None):
        answer = client.post(f"/api/v1/{path}", body, format="json")
        assert answer.status_code == 200, answer.json()
        assert not answer.json()["refused"], answer.json()
        return answer.json()

    return SimpleNamespace(each=each, post=post)


def statuses() -> list[str]:
    return list(Evse.objects.order_by("uid").values_list("status", flat=True))


def test_a_bay_is_taken_while_a_car_charges_there_and_free_afterwards(cast, office):
    station = make_station(cast)
    city = City()
    cars = [
        Car(city, cast.new_vehicle(f"C{n}").pk, random.Random(1), HOMES[0], soc_pct=40.0)
        for n in range(3)
    ]
    plugs = Plugs(office, [station.pk])
    pairs = [(car, station.pk) for car in cars]
    for car in cars:
        car.charging = True
    plugs.tell(pairs, AT)
    assert statuses() == ["CHARGING", "CHARGING"]  # the third car finds no bay
    cars[0].charging, cars[0].soc_pct = False, 60.0
    plugs.tell(pairs, AT + 30 * MINUTE + timedelta(microseconds=7))
    session = ChargingSession.objects.get(vehicle_id=cars[0].vehicle_id)
    assert (session.starts_at, session.ends_at) == (AT, AT + 30 * MINUTE)
    assert session.energy_wh == 10_400
    assert statuses() == ["CHARGING", "CHARGING"]  # the third car has taken its place
    cars[1].charging = False
    plugs.tell(pairs, AT + 31 * MINUTE)
    assert statuses() == ["CHARGING", "AVAILABLE"]
    assert ChargingSession.objects.filter(vehicle_id=cars[2].vehicle_id).count() == 1
    Plugs(office, [station.pk])  # the city was stopped, and begins again
    assert statuses() == ["AVAILABLE", "AVAILABLE"]
    assert not ChargingSession.objects.filter(ends_at=None).exists()
