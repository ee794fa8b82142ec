"""A source's counters, folded in from its batches: never a hot row while samples come in."""

from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from django.db.models import F

from telemetry.models import IngestBatch, TelemetrySource

SHOWN_ERRORS = 20


def count_batches(batches: Iterable[IngestBatch]) -> None:
    """Add what these batches counted to their sources, and note the kinds of refusals."""
    by_source = sorted((b for b in batches if b.source_id), key=lambda b: b.source_id or 0)
    for source_id, group in groupby(by_source, key=lambda batch: batch.source_id):
        mine = list(group)
        errors: Counter[str] = Counter()
        for batch in mine:
            errors.update(batch.errors)
        values: dict[str, object] = {
            "accepted_count": F("accepted_count") + sum(b.accepted_count for b in mine),
            "duplicate_count": F("duplicate_count") + sum(b.duplicate_count for b in mine),
            "rejected_count": F("rejected_count") + sum(b.rejected_count for b in mine),
            "last_received_at": max(b.received_at for b in mine),
        }
        if errors:
            values["last_errors"] = dict(errors.most_common(SHOWN_ERRORS))
        TelemetrySource.objects.unscoped().filter(pk=source_id).update(**values)
