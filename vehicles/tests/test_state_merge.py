"""The newest values of a vehicle: each group takes its own newest, in any order of arrival."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from vehicles import services
from vehicles.models import VehicleState
from vehicles.services import StateRow

T0 = datetime(2026, 3, 1, tzinfo=UTC)
IGNORED = {"created_at", "updated_at", "row_version", "vehicle"}


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.fixture
def car(cast):
    return cast.new_vehicle("Car 1", tenure_starts_at=T0)


def values(car) -> dict[str, object]:
    state = VehicleState.objects.get(vehicle=car)
    return {f.name: getattr(state, f.name) for f in state._meta.fields if f.name not in IGNORED}


def test_every_group_is_written_with_its_time(car):
    services.merge_states(
        [
            StateRow(
                car.pk,
                last_seen_at=at(9),
                position_at=at(8),
                latitude=32.5,
                longitude=-117.0,
                speed_kmh=41.5,
                heading_deg=270.0,
                soc_at=at(7),
                soc_pct=63.25,
                range_km=211.0,
                odometer_at=at(6),
                odometer_km=45678.9,
                charging_at=at(5),
                charging="ac",
                plugged=True,
                battery_power_kw=-7.2,
                activity_at=at(4),
                activity="charging",
                activity_since_at=at(3),
                occupied_at=at(2),
                occupied=False,
            )
        ]
    )
    assert values(car) == {
        "held_from": T0,
        "last_seen_at": at(9),
        "position_at": at(8),
        "latitude": 32.5,
        "longitude": -117.0,
        "speed_kmh": 41.5,
        "heading_deg": 270.0,
        "soc_at": at(7),
        "soc_pct": 63.25,
        "range_km": 211.0,
        "odometer_at": at(6),
        "odometer_km": 45678.9,
        "charging_at": at(5),
        "charging": "ac",
        "plugged": True,
        "battery_power_kw": -7.2,
        "activity_at": at(4),
        "activity": "charging",
        "activity_since_at": at(3),
        "occupied_at": at(2),
        "occupied": False,
    }


def test_a_time_may_come_as_microseconds_since_postgresqls_epoch(cast, car):
    us = (at(3) - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) + 7
    other = cast.new_vehicle("Car 2", tenure_starts_at=T0)
    services.merge_states(
        [
            StateRow(car.pk, us, soc_at=us, soc_pct=50.0),
            StateRow(other.pk, at(4), soc_at=at(4), soc_pct=40.0),
        ]
    )
    exact = at(3) + timedelta(microseconds=7)
    assert (values(car)["last_seen_at"], values(car)["soc_at"]) == (exact, exact)
    assert (values(other)["last_seen_at"], values(other)["soc_pct"]) == (at(4), 40.0)


def test_an_older_group_changes_nothing_and_a_newer_one_only_itself(car):
    services.merge_states(
        [StateRow(car.pk, at(9), soc_at=at(9), soc_pct=50.0, odometer_at=at(2), odometer_km=10.0)]
    )
    services.merge_states(
        [StateRow(car.pk, at(5), soc_at=at(5), soc_pct=60.0, odometer_at=at(5), odometer_km=12.0)]
    )
    found = values(car)
    assert (found["last_seen_at"], found["soc_at"], found["soc_pct"]) == (at(9), at(9), 50.0)
    assert (found["odometer_at"], found["odometer_km"]) == (at(5), 12.0)


def test_a_group_without_a_time_is_left_alone_and_one_with_a_time_may_become_unknown(car):
    services.merge_states([StateRow(car.pk, at(1), soc_at=at(1), soc_pct=50.0, range_km=200.0)])
    services.merge_states([StateRow(car.pk, at(2), soc_pct=1.0)])
    assert values(car)["soc_pct"] == 50.0
    services.merge_states([StateRow(car.pk, at(3), soc_at=at(3), soc_pct=49.0)])
    assert (values(car)["soc_pct"], values(car)["range_km"]) == (49.0, None)


def test_a_corrected_value_of_the_same_instant_is_taken(car):
    services.merge_states([StateRow(car.pk, at(1), soc_at=at(1), soc_pct=50.0)])
    services.merge_states([StateRow(car.pk, at(1), soc_at=at(1), soc_pct=51.0)])
    assert values(car)["soc_pct"] == 51.0


def test_an_activity_that_goes_on_keeps_its_beginning(car):
    def tell(minute, activity):
        since = at(minute)
        services.merge_states(
            [StateRow(car.pk, since, activity_at=since, activity=activity, activity_since_at=since)]
        )

    for minute, activity, since in [
        (1, "driving", 1),
        (4, "driving", 1),
        (5, "idle", 5),
        (6, "driving", 6),
        (9, "driving", 6),
    ]:
        tell(minute, activity)
        assert values(car)["activity_since_at"] == at(since)


def test_the_order_of_arrival_does_not_matter(car):
    rows = [
        StateRow(car.pk, at(1), soc_at=at(1), soc_pct=80.0, position_at=at(1), latitude=1.0),
        StateRow(car.pk, at(2), position_at=at(2), latitude=2.0, odometer_at=at(2)),
        StateRow(car.pk, at(3), soc_at=at(3), soc_pct=70.0, occupied_at=at(3), occupied=True),
        StateRow(car.pk, at(4), odometer_at=at(4), odometer_km=9.0),
    ]
    seen = []
    for order in itertools.permutations(rows):
        unknown = {name: None for name in values(car) if name != "held_from"}
        VehicleState.objects.filter(vehicle=car).update(**unknown)
        for row in order:
            services.merge_states([row])
        seen.append(values(car))
    assert all(found == seen[0] for found in seen)
    assert (seen[0]["soc_pct"], seen[0]["latitude"], seen[0]["odometer_km"]) == (70.0, 2.0, 9.0)


def test_nothing_from_before_the_tenure_is_taken(car):
    before = T0 - timedelta(seconds=1)
    services.merge_states([StateRow(car.pk, before, soc_at=before, soc_pct=50.0)])
    found = values(car)
    assert (found["last_seen_at"], found["soc_at"], found["soc_pct"]) == (None, None, None)
    services.merge_states([StateRow(car.pk, T0, soc_at=T0, soc_pct=51.0)])
    assert (values(car)["last_seen_at"], values(car)["soc_pct"]) == (T0, 51.0)


def test_a_batch_of_many_cars_is_one_statement_and_late_rows_write_nothing(
    cast, django_assert_num_queries
):
    cars = [cast.new_vehicle(f"Car {n}", tenure_starts_at=T0).pk for n in range(9)]
    services.merge_states([StateRow(pk, at(5), soc_at=at(5), soc_pct=float(pk)) for pk in cars])
    versions = dict(VehicleState.objects.values_list("pk", "row_version"))
    services.merge_states([StateRow(pk, at(4), soc_at=at(4), soc_pct=1.0) for pk in cars])
    assert dict(VehicleState.objects.values_list("pk", "row_version")) == versions
    assert dict(VehicleState.objects.values_list("pk", "soc_pct")) == {pk: float(pk) for pk in cars}
    with django_assert_num_queries(0):
        services.merge_states([])


def test_a_state_that_was_never_made_is_made(cast, car):
    VehicleState.objects.filter(vehicle=car).delete()
    services.merge_states([StateRow(car.pk, at(3), soc_at=at(3), soc_pct=50.0)])
    found = values(car)
    assert (found["held_from"], found["last_seen_at"], found["soc_pct"]) == (at(3), at(3), 50.0)


def test_the_table_keeps_room_on_its_pages_and_bears_one_index(db):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reloptions, (SELECT count(*) FROM pg_index WHERE indrelid = c.oid)"
            " FROM pg_class c WHERE relname = 'vehicles_vehiclestate'"
        )
        assert cursor.fetchone() == (["fillfactor=60"], 1)
