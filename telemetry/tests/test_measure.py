"""What samples say of any stretch of time, and when a car was at work."""

import random
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from telemetry import selectors, services
from telemetry.models import Bucket
from telemetry.tests.test_derive import LAT, LON, STEP, close, derive, drive, km, wandering
from telemetry.tests.world import NOW, at, fix, sample


def test_legs_that_cross_an_end_count_by_their_share(fleet):
    """Ten legs of a minute; the stretch cuts the third and the eighth in half."""
    fleet.send(*drive(fleet.car, 0, 11, occupied=True))
    derive(fleet)
    found = selectors.measure(fleet.car.pk, at(8, 2, 30), at(8, 7, 30))
    assert close(found.km, km(5))
    assert close(found.occupied_km, km(5))
    assert (found.driving_s, found.idle_s, found.occupied_s, found.samples) == (300, 0, 300, 5)
    assert found.coverage_pct == 100


def test_silence_is_no_coverage(fleet):
    fleet.send(fix(fleet.car, at(8), LAT, LON), fix(fleet.car, at(8, 20), LAT + STEP, LON))
    fleet.send(*drive(fleet.car, 21, 10, lat=LAT + STEP))
    found = selectors.measure(fleet.car.pk, at(8), at(8, 40))
    assert (found.offline_s, found.samples) == (1200, 12)
    assert close(found.gap_km, km(1))
    assert found.coverage_pct == Decimal("25.00")


def test_a_stretch_without_samples_is_empty(fleet):
    found = selectors.measure(fleet.car.pk, at(8), at(9))
    assert (found.km, found.samples, found.coverage_pct, found.used_wh) == (0, 0, 0, None)


def test_energy_and_charge_at_both_ends(fleet):
    fleet.send(
        *[sample(fleet.car, at(8, n), battery_power_kw=12, soc_pct=80 - n) for n in range(21)]
    )
    found = selectors.measure(fleet.car.pk, at(8, 5), at(8, 15))
    assert (found.used_wh, found.charged_wh) == (2000, None)
    assert (found.soc_start_pct, found.soc_end_pct) == (75, 66)


@pytest.mark.parametrize("seed", range(2))
def test_stretches_add_up_to_the_quarters(fleet, seed):
    """A day cut anywhere measures what its quarters sum to, to the millimetre."""
    rng = random.Random(seed)
    fleet.send(*wandering(fleet, rng))
    derive(fleet)
    cuts = sorted(at(0, 0, rng.randrange(86_400)) for _ in range(9))
    edges = [at(-1), *cuts, at(25)]
    parts = selectors.measure_many(
        [selectors.Stretch(fleet.car.pk, low, high) for low, high in pairwise(edges)]
    )
    quarters = list(Bucket.objects.filter(vehicle_id=fleet.car.pk))
    for name in ("km", "gap_km", "occupied_km", "samples"):
        assert sum(getattr(p, name) for p in parts) == sum(getattr(q, name) for q in quarters)
    for name in ("driving_s", "idle_s", "charging_s", "offline_s", "occupied_s"):
        whole = sum(getattr(q, name) for q in quarters)
        assert abs(sum(getattr(p, name) for p in parts) - whole) <= len(quarters)


def test_work_lies_between_long_stands_and_silences(fleet):
    fleet.send(
        *drive(fleet.car, 0, 30),
        *drive(fleet.car, 3 * 60, 30, lat=LAT + 29 * STEP),  # 2½ hours later
        *drive(fleet.car, 9 * 60, 30, lat=LAT + 58 * STEP),  # 5½ hours later
    )
    derive(fleet)
    work = [(at(8), at(11, 29)), (at(17), at(17, 29))]
    assert selectors.work_intervals(fleet.car.pk, at(0), at(24), 4) == work
    assert len(selectors.work_intervals(fleet.car.pk, at(0), at(24), 2)) == 3
    assert selectors.work_intervals(fleet.car.pk, at(10), at(17, 10), 4) == [
        (at(11), at(11, 29)),
        (at(17), at(17, 10)),
    ]


def test_a_run_joins_what_stands_still(fleet):
    """Waiting for a fare with the meter on is work: the run bridges trips hours apart."""
    waiting = [fix(fleet.car, at(8, 10 + 30 * n), LAT + 9 * STEP, LON, True) for n in range(12)]
    fleet.send(
        *drive(fleet.car, 0, 10, occupied=True),
        *waiting,
        *drive(fleet.car, 6 * 60 + 1, 10, lat=LAT + 9 * STEP, occupied=True),
    )
    services.derive([fleet.car.pk], at(0), at(24), at=NOW)
    assert selectors.work_intervals(fleet.car.pk, at(0), at(24), 4) == [
        (at(8), at(14, 10)),
    ]
    assert at(14, 10) - at(8) == timedelta(hours=6, minutes=10)


def test_a_long_silence_parts_work_whatever_the_meter_or_the_car_did(fleet):
    fleet.send(
        *drive(fleet.car, 0, 10, occupied=True),
        *drive(fleet.car, 6 * 60, 10, lat=LAT + 1, occupied=True),  # far away, still hired
    )
    services.derive([fleet.car.pk], at(0), at(24), at=NOW)
    assert selectors.work_intervals(fleet.car.pk, at(0), at(24), 4) == [
        (at(8), at(8, 9)),
        (at(14), at(14, 9)),
    ]
    assert selectors.work_intervals(fleet.car.pk, at(0), at(24), 6) == [(at(8), at(14, 9))]
