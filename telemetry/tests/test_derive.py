"""Trips, hired runs, quarters and days out of samples: worked examples, and any order."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from telemetry import services
from telemetry.models import Bucket, HiredRun, Trip
from telemetry.tests.world import NOW, at, fix, sample
from vehicles.models import VehicleDay
from voltop.geo import haversine_km

LAT, LON = 19.4, -99.1
STEP = 0.005  # degrees of latitude: 556 m


def derive(fleet, *cars):
    services.derive([car.pk for car in cars or [fleet.car]], at(0), at(24), at=NOW)


def drive(car, start_min, fixes, *, lat=LAT, every_min=1, step=STEP, occupied=None):
    """Fixes going north, one a minute."""
    return [
        fix(car, at(8, start_min + n * every_min), lat + n * step, LON, occupied)
        for n in range(fixes)
    ]


def km(fixes, step=STEP):
    return fixes * haversine_km(LAT, LON, LAT + step, LON)


def close(found, expected):
    return float(found) == pytest.approx(expected, abs=0.000_1)  # legs are whole millimetres


def test_a_drive_and_its_quarters(fleet):
    """Ten legs from 8:00 to 8:10, standing until 8:20: one trip, two quarters."""
    fleet.send(*drive(fleet.car, 0, 11), fix(fleet.car, at(8, 20), LAT + 10 * STEP, LON))
    derive(fleet)
    trip = Trip.objects.get()
    assert (trip.starts_at, trip.ends_at) == (at(8), at(8, 10))
    assert close(trip.km, km(10))
    assert (trip.provider_id, trip.driver_id, trip.gap_km) == (fleet.cast.a.pk, None, 0)
    assert (trip.start_latitude, trip.end_longitude) == (Decimal("19.4"), Decimal("-99.1"))
    first, second = Bucket.objects.order_by("starts_at")
    assert (first.starts_at, second.starts_at) == (at(8), at(8, 15))
    assert close(first.km, km(10))
    assert (first.driving_s, first.idle_s, first.offline_s, first.samples) == (600, 300, 0, 11)
    assert (second.idle_s, second.samples, second.repeats, second.km) == (300, 1, 1, 0)


def test_a_silence_is_a_gap_apart_from_the_kilometres(fleet):
    """Two fixes 30 minutes and 5.6 km apart: gap kilometres, shared out over its quarters."""
    fleet.send(fix(fleet.car, at(8, 5), LAT, LON), fix(fleet.car, at(8, 35), LAT + 10 * STEP, LON))
    derive(fleet)
    quarters = list(Bucket.objects.order_by("starts_at"))
    assert [q.starts_at for q in quarters] == [at(8), at(8, 15), at(8, 30)]
    assert [q.offline_s for q in quarters] == [600, 900, 300]
    assert [q.km for q in quarters] == [0, 0, 0]
    assert close(sum(q.gap_km for q in quarters), km(10))
    assert close(quarters[1].gap_km, km(10) / 2)
    trip = Trip.objects.get()
    assert (trip.km, trip.ends_at) == (0, at(8, 35))
    assert close(trip.gap_km, km(10))


def test_a_car_that_stood_through_the_silence_made_no_trip(fleet):
    fleet.send(fix(fleet.car, at(8), LAT, LON), fix(fleet.car, at(10), LAT + 0.0001, LON))
    derive(fleet)
    assert not Trip.objects.exists()
    assert sum(q.offline_s for q in Bucket.objects.all()) == 7200


def test_a_jump_is_counted_and_left_out(fleet):
    """A fix 111 km away for a minute: both legs are faster than 150 km/h."""
    fixes = drive(fleet.car, 0, 5)
    fixes[2] = fix(fleet.car, at(8, 2), LAT + 1, LON)
    fleet.send(*fixes)
    derive(fleet)
    [quarter] = Bucket.objects.all()
    assert (quarter.jumps, quarter.samples) == (2, 5)
    assert close(quarter.km, km(2))


def test_a_leg_of_exactly_ten_minutes_is_no_gap(fleet):
    fleet.send(fix(fleet.car, at(8), LAT, LON), fix(fleet.car, at(8, 10), LAT + STEP, LON))
    derive(fleet)
    [quarter] = Bucket.objects.all()
    assert close(quarter.km, km(1))
    assert quarter.gap_km == 0


def test_a_heartbeat_moves_nothing_and_breaks_no_leg(fleet):
    """A sample without a position between two fixes: one leg, known time, no phantom."""
    fleet.send(
        fix(fleet.car, at(8), LAT, LON),
        sample(fleet.car, at(8, 6)),
        fix(fleet.car, at(8, 12), LAT + STEP, LON),
    )
    derive(fleet)
    [quarter] = Bucket.objects.all()
    assert (quarter.samples, quarter.offline_s) == (3, 0)
    assert quarter.km == 0
    assert close(quarter.gap_km, km(1))


def test_stops_under_five_minutes_belong_to_the_trip(fleet):
    """Driving, 4 minutes of standing, driving; then 5 minutes, driving: two trips."""
    fleet.send(
        *drive(fleet.car, 0, 4),
        *drive(fleet.car, 7, 4, lat=LAT + 3 * STEP),
        *drive(fleet.car, 15, 4, lat=LAT + 6 * STEP),
    )
    derive(fleet)
    found = Trip.objects.order_by("starts_at").values_list("starts_at", "ends_at")
    assert list(found) == [(at(8), at(8, 10)), (at(8, 15), at(8, 18))]


def test_reported_speed_decides_over_wandering_positions(fleet):
    standing = [{**item, "speed_kmh": 0} for item in drive(fleet.car, 0, 10, step=STEP)]
    fleet.send(*standing)
    derive(fleet)
    assert not Trip.objects.exists()
    assert Bucket.objects.get().idle_s == 540


def test_hired_runs_are_runs_of_fixes_with_a_fare(fleet):
    states = [True, True, False, True, False, False, True, True, True]
    fixes = drive(fleet.car, 0, 9)
    fleet.send(*[{**item, "occupied": state} for item, state in zip(fixes, states, strict=True)])
    derive(fleet)
    runs = list(HiredRun.objects.order_by("starts_at"))
    assert [(r.starts_at, r.ends_at, r.fixes) for r in runs] == [
        (at(8), at(8, 1), 2),
        (at(8, 3), at(8, 3), 1),
        (at(8, 6), at(8, 8), 3),
    ]
    assert [r.running_at_start for r in runs] == [True, False, False]
    assert close(runs[0].km, km(1))
    assert runs[1].km == 0
    assert close(runs[2].km, km(2))
    [quarter] = Bucket.objects.all()
    assert close(quarter.occupied_km, km(3))
    assert quarter.occupied_s == 180


def test_a_silence_does_not_cut_a_hired_run(fleet):
    fleet.send(
        fix(fleet.car, at(8), LAT, LON, False),
        fix(fleet.car, at(8, 1), LAT, LON, True),
        fix(fleet.car, at(11), LAT + 10 * STEP, LON, True),
        fix(fleet.car, at(11, 1), LAT + 11 * STEP, LON, True),
    )
    derive(fleet)
    run = HiredRun.objects.get()
    assert (run.starts_at, run.ends_at, run.running_at_start) == (at(8, 1), at(11, 1), False)
    assert close(run.km, km(1))
    assert close(run.gap_km, km(10))
    assert close(sum(q.occupied_km for q in Bucket.objects.all()), km(11))


def test_a_taximeter_may_be_another_source_than_the_tracker(fleet):
    """Positions say nothing of the fare; the meter says when it began and ended, no more."""
    fleet.send(*drive(fleet.car, 0, 11))
    meter = fleet.new_source("meter")
    fleet.send(
        sample(fleet.car, at(8, 2, 30), occupied=True),
        sample(fleet.car, at(8, 6, 30), occupied=False),
        source=meter,
    )
    derive(fleet)
    run = HiredRun.objects.get()
    assert (run.starts_at, run.ends_at, run.fixes) == (at(8, 3), at(8, 6), 4)
    assert close(run.km, km(3))


def test_earlier_data_takes_the_flag_from_the_first_run(fleet):
    fleet.send(*drive(fleet.car, 10, 3, occupied=True))
    derive(fleet)
    assert HiredRun.objects.get().running_at_start
    key = HiredRun.objects.get().pk
    fleet.send(fix(fleet.car, at(8, 9), LAT, LON, False))
    services.derive([fleet.car.pk], at(8, 9), at(8, 9), at=NOW)
    run = HiredRun.objects.get()
    assert (run.pk, run.running_at_start) == (key, False)


def test_a_late_fix_closes_a_gap(fleet):
    fixes = drive(fleet.car, 0, 31)
    fleet.send(fixes[0], fixes[30])
    derive(fleet)
    assert Trip.objects.get().km == 0
    fleet.send(*fixes[1:30])
    services.derive([fleet.car.pk], at(8, 1), at(8, 29), at=NOW)
    trip = Trip.objects.get()
    assert (trip.gap_km, trip.ends_at) == (0, at(8, 30))
    assert close(trip.km, km(30))
    assert all(q.offline_s == 0 for q in Bucket.objects.all())


def test_what_came_out_the_same_is_not_touched(fleet):
    fleet.send(*drive(fleet.car, 0, 20, occupied=True))
    derive(fleet)
    before = [list(m.objects.values()) for m in (Bucket, Trip, HiredRun, VehicleDay)]
    derive(fleet)
    assert [list(m.objects.values()) for m in (Bucket, Trip, HiredRun, VehicleDay)] == before


def test_energy_is_power_times_time(fleet):
    """18 kW for ten minutes out, 12 kW for ten minutes in while charging."""
    out = [sample(fleet.car, at(8, n), battery_power_kw=18, soc_pct=60 - n) for n in range(11)]
    back = [
        sample(fleet.car, at(9, n), battery_power_kw=-12, charging="ac", soc_pct=50 + n)
        for n in range(11)
    ]
    fleet.send(*out, *back)
    derive(fleet)
    first, second = Bucket.objects.filter(samples__gt=0).order_by("starts_at")
    assert (first.used_wh, first.charged_wh) == (3000, None)
    assert (second.used_wh, second.charged_wh, second.charging_s) == (None, 2000, 600)
    assert (first.soc_first_pct, first.soc_last_pct) == (60, 50)
    assert (second.soc_min_pct, second.soc_max_pct) == (50, 60)


def test_trips_and_runs_belong_to_whoever_had_the_car(fleet, cast):
    from vehicles import services as vehicle_services

    for driver, start, end in [
        (cast.driver, at(0), at(8, 5)),
        (cast.other_driver, at(8, 5), None),
    ]:
        vehicle_services.assign(
            fleet.car,
            driver,
            actor=cast.actor(),
            kind="temporary",
            starts_at=start,
            ends_at=end,
            at=at(0),
        )
    fleet.send(
        *drive(fleet.car, 0, 4, occupied=True),
        fix(fleet.car, at(8, 4), LAT, LON, False),
        *drive(fleet.car, 20, 4, occupied=True),
    )
    derive(fleet)
    expected = [cast.driver.pk, cast.other_driver.pk]
    for model in (Trip, HiredRun):
        assert (
            list(model.objects.order_by("starts_at").values_list("driver", flat=True)) == expected
        )


def test_days_are_local_days_of_the_vehicle(fleet, cast):
    """Mexico City is at UTC−6: 05:30 to 06:30 UTC lies on two days."""
    fixes = [fix(fleet.car, at(5, 30 + n), LAT + n * STEP, LON, True) for n in range(61)]
    fleet.send(*fixes)
    derive(fleet)
    first, second = VehicleDay.objects.order_by("on")
    assert [str(day.on) for day in (first, second)] == ["2026-03-01", "2026-03-02"]
    assert close(first.km, km(30))
    assert close(second.km, km(30))
    assert close(second.paid_km, km(30))
    assert (first.trips, second.trips, first.samples, second.samples) == (1, 0, 30, 31)
    assert (first.driving_s, first.paid_s, first.covered_s, first.day_s) == (*[1800] * 3, 86_400)


def everything():
    """All derived rows, without what tells when or in which order they were made."""
    made = {"id", "created_at", "updated_at", "row_version"}
    return [
        [
            {name: value for name, value in row.items() if name not in made}
            for row in model.objects.order_by("vehicle_id", order).values()
        ]
        for model, order in (
            (Bucket, "starts_at"),
            (Trip, "starts_at"),
            (HiredRun, "starts_at"),
            (VehicleDay, "on"),
        )
    ]


def wandering(fleet, rng):
    """Two cars over a day: drives, stands, silences, jumps, heartbeats, fares, charging."""
    items = []
    for car in (fleet.car, fleet.other_car):
        when, lat, hired, power = at(0), LAT, False, 0
        while when < at(23):
            when += timedelta(seconds=rng.choice([1, 20, 60, 60, 60, 300, 700, 4000]))
            lat += rng.choice([0, 0, STEP, STEP, -STEP, STEP / 50])
            hired = rng.random() < 0.5 if rng.random() < 0.2 else hired
            item = fix(car, when, lat + (1 if rng.random() < 0.01 else 0), LON, hired)
            if rng.random() < 0.1:
                item = sample(car, when)
            if rng.random() < 0.3:
                item.pop("occupied", None)
            if rng.random() < 0.5:
                power = rng.choice([-11, 0, 15.5, 20.25])
                item |= {"battery_power_kw": power, "soc_pct": rng.randrange(100)}
                item |= {"charging": "ac" if power < 0 else "none"}
            if rng.random() < 0.3:
                item["speed_kmh"] = rng.choice([0, 30])
            items.append(item)
    return items


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_any_pieces_give_the_same_bytes(fleet, seed):
    """Sent at once and derived once, against shuffled, doubled, in pieces, derived after each."""
    rng = random.Random(seed)
    items = wandering(fleet, rng)
    fleet.send(*items)
    services.derive([fleet.car.pk, fleet.other_car.pk], at(0), at(24), at=NOW)
    expected = everything()
    assert all(len(rows) > 1 for rows in expected)
    forget_everything()
    again = items + rng.sample(items, len(items) // 3)
    rng.shuffle(again)
    while again:
        size = rng.choice([1, 5, 60, 300])
        batch, again = again[:size], again[size:]
        fleet.send(*batch)
        services.derive_pending(at=NOW)
    assert everything() == expected


def forget_everything():
    from django.db import connection

    from telemetry.models import IngestBatch

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_sample WHERE recorded_at > '2000-01-01'")
    for model in (Bucket, Trip, HiredRun, VehicleDay, IngestBatch):
        model.objects.all().delete()
