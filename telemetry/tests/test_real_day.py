"""One day of a real taxi fleet, through the product: file in, derived data out.

The figures were computed from the file by a program of its own, with nothing of ours in it. The
file is not part of the repository: VOLTOP_DATA names its folder (default: ../shared/data beside
the checkout); without it this test is skipped.
"""

import csv
import gzip
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db.models import Count, Sum

from telemetry import services
from telemetry.models import Bucket, HiredRun, IngestBatch, Trip
from telemetry.tests.world import VINS
from vehicles import services as vehicle_services
from vehicles.models import VehicleDay
from voltop.context import Actor
from voltop.embedded.paths import CHECKOUT

DATA = Path(os.environ.get("VOLTOP_DATA", CHECKOUT.parent / "shared" / "data"))
FILE = DATA / "fleet-positions-cabs" / "one_day.csv.gz"
HELD_FROM = datetime(2008, 1, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILE.is_file(), reason=f"no such file: {FILE} (set VOLTOP_DATA)"),
]


@pytest.fixture
def cabs(fleet):
    """A vehicle for each cab of the file, with its tracker, held since before the day."""
    provider, actor = fleet.cast.a, fleet.cast.actor()
    type(provider).objects.filter(pk=provider.pk).update(time_zone="America/Los_Angeles")
    with gzip.open(FILE, "rt") as file:
        names = sorted({row["cab"] for row in csv.DictReader(file)})
    for n, name in enumerate(names):
        vehicle = vehicle_services.register_vehicle(
            provider,
            actor=actor,
            vin=f"SAJW{VINS[n % 23]}0A00000{n:05d}",
            model=fleet.model,
            label=name,
            tenure_starts_at=HELD_FROM,
        )
        services.fit_device(
            fleet.source,
            actor=actor,
            external_id=name,
            vehicle=vehicle,
            starts_at=HELD_FROM,
        )
    return names


def test_a_real_day_gives_the_known_figures(fleet, cabs):
    started = time.monotonic()
    done = services.import_file(
        fleet.source, FILE, mapping="cabs", actor=Actor.system("tests"), at=None
    )
    read = time.monotonic()
    assert (len(cabs), done.rows_done, done.accepted_count) == (499, 456_453, 456_453)
    while services.derive_pending():
        pass
    derived = time.monotonic()
    print(f"{done.rows_done} rows: import {read - started:.1f} s, derive {derived - read:.1f} s")
    assert not IngestBatch.objects.exists()

    runs = HiredRun.objects.aggregate(n=Count("pk"), km=Sum("km"), gap_km=Sum("gap_km"))
    assert runs["n"] == 18_073
    assert HiredRun.objects.filter(running_at_start=True).count() == 122
    sums = Bucket.objects.aggregate(
        km=Sum("km"), gap=Sum("gap_km"), hired=Sum("occupied_km"), n=Sum("samples")
    )
    assert sums["n"] == 456_453
    assert float(sums["km"] + sums["gap"]) == pytest.approx(175_246.863, abs=0.5)
    assert float(sums["km"]) == pytest.approx(167_491.065, abs=0.5)
    assert float(sums["hired"]) == pytest.approx(92_175.806, abs=0.5)
    assert float(runs["km"] + runs["gap_km"]) == pytest.approx(92_175.806, abs=0.5)
    days = VehicleDay.objects.aggregate(
        n=Count("pk"), km=Sum("km"), gap=Sum("gap_km"), paid=Sum("paid_km"), samples=Sum("samples")
    )
    assert (days["n"], days["samples"]) == (499, 456_453)
    assert (days["km"], days["gap"], days["paid"]) == (sums["km"], sums["gap"], sums["hired"])
    assert Trip.objects.count() > 5_000

    again = services.import_file(
        fleet.source, FILE, mapping="cabs", actor=Actor.system("tests"), at=None
    )
    assert again.accepted_count == 456_453
