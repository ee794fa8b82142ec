"""What a driver is offered to book: the company's stations, and starts that a booking takes."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from reservations import services
from reservations.models import ReservationKind
from reservations.offers import offers
from reservations.tests.scene import book, make_station, plug, tomorrow
from vehicles.models import VehicleModel
from voltop import clock

PATH = "/api/v1/me/stations"


def times(client, station, **query):
    said = "&".join(f"{name}={value}" for name, value in query.items())
    return client.get(f"{PATH}/{station.pk}/times?{said}")


def starts_of(answer):
    return [offer["starts_at"][11:16] for offer in answer.json()]


def start_of(instant):
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def test_a_driver_sees_the_stations_that_can_be_booked(cast, api):
    yard = make_station(cast, reservation_grid_min=15, reservation_max_min=90)
    make_station(cast, name="Closed shop", bookable=False)
    services.retire_station(make_station(cast, name="Gone"), actor=cast.actor(), reason="sold")
    make_station(cast, provider=cast.b, name="Theirs")
    [shown] = api(cast.driver.user).get(PATH).json()["results"]
    assert (shown["id"], shown["grid_min"], shown["longest_min"]) == (yard.pk, 15, 90)
    assert shown["days_ahead"] == cast.a.policy.reservation_days_ahead


def test_each_offered_start_is_taken_by_a_booking(cast):
    hours = {day: [["08:00", "09:30"]] for day in clock.WEEKDAYS}
    station = make_station(
        cast, chargers=1, buffer_min=10, reservation_grid_min=15, opening_hours=hours
    )
    car, driver, at = cast.vehicle, cast.driver, clock.now()
    found = offers(station, car, at, minutes=60, at=at)
    assert len(found) in (3, 6)  # 8:00, 8:15, 8:30, of one morning or two
    for offer in found:
        with transaction.atomic():
            made = services.book(
                actor=cast.actor(),
                station=station,
                vehicle=car,
                driver=driver,
                kind=ReservationKind.DRIVER,
                starts_at=offer.starts_at,
                ends_at=offer.ends_at,
            )
            assert (made.connector_id, made.ends_at - made.starts_at) == (
                offer.connector,
                timedelta(hours=1),
            )
            transaction.set_rollback(True)


def test_what_is_booked_is_not_offered_nor_what_touches_its_buffer(cast, api):
    station = make_station(cast, chargers=1, buffer_min=10, reservation_grid_min=30)
    book(cast, station, cast.other_vehicle)  # from ten to eleven
    client = api(cast.driver.user)
    asked = {"minutes": 30, "vehicle": cast.vehicle.pk}
    found = starts_of(times(client, station, start=start_of(tomorrow(9)), **asked))
    assert found[:3] == ["09:00", "11:30", "12:00"]


def test_a_car_that_charges_elsewhere_then_is_offered_nothing_then(cast, api):
    elsewhere = make_station(cast, name="Elsewhere")
    book(cast, elsewhere, cast.vehicle)
    station, client = make_station(cast, reservation_grid_min=30), api(cast.driver.user)
    asked = {"minutes": 30, "start": start_of(tomorrow(9, 30))}
    free = starts_of(times(client, station, **asked))
    mine = starts_of(times(client, station, vehicle=cast.vehicle.pk, **asked))
    assert free[:4] == ["09:30", "10:00", "10:30", "11:00"]
    assert mine[:2] == ["09:30", "11:00"]


def test_the_second_plug_is_offered_while_the_first_is_taken(cast, api):
    station = make_station(cast, reservation_grid_min=30)
    book(cast, station, cast.other_vehicle, connector=plug(station))
    answer = times(api(cast.driver.user), station, minutes=60, start=start_of(tomorrow(10)))
    assert answer.json()[0] == {
        "connector": plug(station, 2).pk,
        "bay": "E2",
        "max_power_kw": "22.0",
        "starts_at": start_of(tomorrow(10)),
        "ends_at": start_of(tomorrow(11)),
    }


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "required"),
        ({"minutes": "x"}, 400, "invalid_number"),
        ({"minutes": 0}, 400, "out_of_range"),
        ({"minutes": 40}, 400, "reservation_off_grid"),
        ({"minutes": 120}, 400, "reservation_too_long"),
        ({"minutes": 30, "start": "now"}, 400, "invalid_datetime"),
        ({"minutes": 30, "vehicle": "9" * 30}, 400, "invalid_number"),
    ],
)
def test_what_cannot_be_asked(cast, api, query, status, code):
    station = make_station(cast, reservation_grid_min=30, reservation_max_min=90)
    answer = times(api(cast.driver.user), station, **query)
    body = answer.json()
    assert answer.status_code == status
    assert code in (body["code"], *(item["code"] for item in body["errors"]))


def test_another_companys_car_is_none(cast, api):
    station = make_station(cast)
    client = api(cast.driver.user)
    foreign = times(client, station, minutes=30, vehicle=cast.foreign_vehicle.pk)
    missing = times(client, station, minutes=30, vehicle=10**12)
    assert (foreign.status_code, missing.status_code) == (400, 400)
    assert foreign.json()["errors"] == missing.json()["errors"]


def test_no_plug_fits(cast, api):
    VehicleModel.objects.filter(pk=cast.vehicle.model_id).update(inlets=["CHADEMO"])
    station = make_station(cast)
    answer = times(api(cast.driver.user), station, minutes=30, vehicle=cast.vehicle.pk)
    assert (answer.status_code, answer.json()["code"]) == (409, "connector_does_not_fit")


def test_what_is_far_ahead_or_over_is_not_offered(cast, api):
    station, client = make_station(cast, reservation_days_ahead=1), api(cast.driver.user)
    assert times(client, station, minutes=30, start=start_of(tomorrow(72))).json() == []
    found = times(client, station, minutes=30, start="2026-01-01T00:00:00Z").json()
    assert found == [] or found[0]["starts_at"] >= start_of(clock.now())


def test_a_day_of_offers_costs_as_many_queries_with_many_bookings(cast):
    station = make_station(cast, chargers=4, reservation_grid_min=15)
    car, costs = cast.vehicle, []
    assert station.provider.policy
    assert car.model
    for hour in (10, 13):
        book(
            cast, station, cast.other_vehicle, starts_at=tomorrow(hour), ends_at=tomorrow(hour, 30)
        )
        at = clock.now()
        with CaptureQueriesContext(connection) as captured:
            offers(station, car, at, minutes=60, at=at)
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 3
