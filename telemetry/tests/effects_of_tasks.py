"""The effects of telemetry's tasks."""

from datetime import timedelta

from telemetry import partitions
from telemetry.models import Bucket, IngestBatch, QuarantinedSample
from telemetry.tests.test_derive import drive
from telemetry.tests.world import Fleet
from voltop import clock
from voltop.tests.effects import Effect, Stage


def fleet(stage: Stage) -> Fleet:
    if "fleet" not in stage.notes:
        own = stage.notes["fleet"] = Fleet(stage.cast)
        own.source = own.new_source("Trackers of effects")
    return stage.notes["fleet"]


def sent(stage: Stage) -> list[int]:
    own = fleet(stage)
    own.send(*drive(own.car, 0, 10, occupied=True))
    return []


def derived(stage: Stage) -> tuple[int, int]:
    """Batches left to be derived, and samples counted by the quarters of the car."""
    car = fleet(stage).car.pk
    own = Bucket.objects.filter(vehicle_id=car)
    waiting = IngestBatch.objects.filter(vehicle_ids__contains=[car])
    return waiting.count(), sum(own.values_list("samples", flat=True))


def tomorrow_gone(stage: Stage) -> list[int]:
    partitions.drop(partitions.attached_days() & set(days_ahead()))
    return []


def days_ahead() -> list:
    return [clock.now().date() + timedelta(days=n) for n in range(1, 3)]


def quarantined(stage: Stage) -> list[int]:
    for name, days in (("old", 8), ("recent", 1)):
        when = clock.now() - timedelta(days=days)
        QuarantinedSample.objects.create(
            source=fleet(stage).source,
            external_id=name,
            recorded_at=when,
            received_at=when,
            payload={},
            digest=b"0" * 16,
        )
    return []


EFFECTS = [
    Effect("telemetry.derive_pending", sent, derived, (0, 10)),
    Effect(
        "telemetry.make_partitions",
        tomorrow_gone,
        lambda stage: partitions.missing(days_ahead()),
        [],
    ),
    Effect(
        "telemetry.tidy",
        quarantined,
        lambda stage: list(QuarantinedSample.objects.values_list("external_id", flat=True)),
        ["recent"],
    ),
]
