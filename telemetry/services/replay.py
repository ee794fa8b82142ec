"""Samples that waited in quarantine, taken in once their device is fitted to a vehicle."""

from datetime import datetime
from itertools import groupby

import msgspec
from django.db import connection, transaction

from telemetry.models import QuarantinedSample
from telemetry.samples import MAX_SAMPLES, Sample
from telemetry.services.batches import ingest_samples
from voltop import clock
from voltop.context import Actor

_FITTED = """
SELECT q.id FROM telemetry_quarantinedsample q
JOIN telemetry_trackerdevice d ON d.source_id = q.source_id AND d.external_id = q.external_id
JOIN telemetry_devicefitting f ON f.device_id = d.id AND f.starts_at <= q.recorded_at
    AND (f.ends_at IS NULL OR f.ends_at > q.recorded_at)
ORDER BY q.source_id, q.id LIMIT %s
FOR UPDATE OF q SKIP LOCKED
"""


def replay_quarantine(*, at: datetime | None = None) -> int:
    """Take in what waited for a device that is fitted by now; how many samples were released.

    Released ones that are refused now (the car was another company's then) are gone, like any
    refused sample; their source's counters tell.
    """
    at = at or clock.now()
    released = 0
    while count := _replay_some(at):
        released += count
    return released


@transaction.atomic
def _replay_some(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FITTED, [MAX_SAMPLES])
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = QuarantinedSample.objects.filter(pk__in=ids).select_related("source")
    for source, group in groupby(rows.order_by("source_id", "pk"), key=lambda row: row.source):
        samples = [msgspec.convert(row.payload, Sample) for row in group]
        ingest_samples(
            source,
            list(enumerate(samples)),
            actor=Actor("source", source.pk, source.provider_id, source.name),
            at=at,
        )
    QuarantinedSample.objects.filter(pk__in=ids).delete()
    return len(ids)
