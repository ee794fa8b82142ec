"""Samples that waited in quarantine, taken in once their device is fitted to a vehicle."""

from datetime import datetime

import msgspec
from django.db import connection, transaction

from telemetry.models import QuarantinedSample, TelemetrySource
from telemetry.samples import MAX_SAMPLES, Sample
from telemetry.services.batches import ingest_samples
from voltop import clock, jobs
from voltop.context import Actor

_FITTED = """
FROM telemetry_quarantinedsample q
JOIN telemetry_trackerdevice d ON d.source_id = q.source_id AND d.external_id = q.external_id
JOIN telemetry_devicefitting f ON f.device_id = d.id AND f.starts_at <= q.recorded_at
    AND (f.ends_at IS NULL OR f.ends_at > q.recorded_at)
"""
_SOURCES = f"SELECT DISTINCT q.source_id {_FITTED}"
_SAMPLES = f"""
SELECT q.id {_FITTED} WHERE q.source_id = %s ORDER BY q.id LIMIT %s FOR UPDATE OF q SKIP LOCKED
"""


def replay_quarantine(*, at: datetime | None = None) -> int:
    """Take in what waited for a device that is fitted by now; how many samples were released.

    Released ones that are refused now (the car was another company's then) are gone, like any
    refused sample; their source's counters tell. What came from a source that is switched off by
    now waits until it is switched on, or its week is over.
    """
    at = at or clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES)
        ids = [pk for (pk,) in cursor.fetchall()]
    sources = TelemetrySource.objects.unscoped().filter(pk__in=ids, disabled_at=None)
    released = 0
    with jobs.apart("telemetry.replay_quarantine", at=at) as pieces:
        for source in sources.order_by("pk"):
            with pieces.of(source.provider_id):
                while count := _replay_some(source, at):
                    released += count
    return released


@transaction.atomic
def _replay_some(source: TelemetrySource, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLES, [source.pk, MAX_SAMPLES])
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = QuarantinedSample.objects.filter(pk__in=ids).order_by("pk")
    samples = [msgspec.convert(row.payload, Sample) for row in rows]
    if samples:
        ingest_samples(
            source,
            list(enumerate(samples)),
            actor=Actor("source", source.pk, source.provider_id, source.name),
            at=at,
        )
        rows.delete()
    return len(samples)
