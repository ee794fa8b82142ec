"""Samples of devices that nobody has fitted to a vehicle: kept a week, replayed once fitted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from telemetry import merge
from telemetry.models import QuarantinedSample, TelemetrySource
from telemetry.samples import Sample

KEPT_FOR = timedelta(days=7)


def put_into_quarantine(source: TelemetrySource, samples: Sequence[Sample], *, at: datetime) -> int:
    """Keep samples until their device is fitted; the same again is kept once. How many came."""
    if samples:
        QuarantinedSample.objects.bulk_create(
            [_as_row(source, sample, at) for sample in samples], ignore_conflicts=True
        )
    return len(samples)


def _as_row(source: TelemetrySource, sample: Sample, at: datetime) -> QuarantinedSample:
    values = msgspec.to_builtins(sample)
    payload = {name: value for name, value in values.items() if value is not None}
    return QuarantinedSample(
        source=source,
        external_id=sample.device or "",
        recorded_at=sample.recorded_at,
        received_at=at,
        payload=payload,
        digest=merge.digest([payload]),
    )


@transaction.atomic
def expire_quarantine(*, at: datetime) -> int:
    """Drop what nobody claimed within a week; how many rows."""
    dropped, _ = QuarantinedSample.objects.filter(received_at__lt=at - KEPT_FOR).delete()
    return dropped
