"""Files of samples: streamed in batches, each committed with the file's progress.

Killed anywhere, the same command goes on after the last committed batch and counts no row twice;
a finished file is not read again. Not here: what columns mean (`telemetry.mappings`).
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F

from telemetry.errors import ImportRunning
from telemetry.mappings import ColumnMapping, mapping_of
from telemetry.models import TelemetryImport, TelemetrySource
from telemetry.samples import MAX_SAMPLES, Rejection
from telemetry.services.batches import IngestResult, ingest
from voltop import clock
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.failpoints import hit
from voltop.tabular import read_rows

_LOCK_SPACE = 0x7469 << 40

Progress = Callable[[TelemetryImport, list[Rejection]], None]
"""Told after each batch: the import as it stands, and what the batch refused (ref: row number)."""


class _Batch(NamedTuple):
    rows: int
    unreadable: int
    items: list[dict[str, Any]]


def import_file(
    source: TelemetrySource,
    path: Path,
    *,
    mapping: str,
    actor: Actor,
    progress: Progress = lambda done, refused: None,
    at: datetime | None = None,
) -> TelemetryImport:
    """Take in a CSV file (plain or gzipped) as samples of a source, or go on where it stopped.

    Raises UnknownMapping, MissingColumns, UnreadableTable (400), ImportRunning, SourceDisabled.
    """
    if actor.provider_id not in (None, source.provider_id):
        raise NotFound()
    columns = mapping_of(mapping)
    known = _start(source, path, mapping)
    if known.finished_at is not None:
        return known
    with _alone(known):
        for batch in _batches(path, columns, known.rows_done):
            refused = _take(known, batch, actor, at)
            progress(known, refused)
        TelemetryImport.objects.filter(pk=known.pk).update(finished_at=at or clock.now())
    known.refresh_from_db()
    return known


def _start(source: TelemetrySource, path: Path, mapping: str) -> TelemetryImport:
    with path.open("rb") as file:
        fingerprint = hashlib.file_digest(file, "sha256").hexdigest()
    known, _ = TelemetryImport.objects.get_or_create(
        source=source,
        fingerprint=fingerprint,
        mapping=mapping,
        defaults={"file_name": path.name[:200]},
    )
    return known


class _alone:
    """Only one process reads a file in at a time; the lock ends with the connection."""

    def __init__(self, known: TelemetryImport) -> None:
        self.key = _LOCK_SPACE + known.pk

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self.key])
            if not cursor.fetchone()[0]:
                raise ImportRunning()

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None or not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [self.key])


def _batches(path: Path, mapping: ColumnMapping, done: int) -> Iterator[_Batch]:
    rows = islice(
        read_rows(path, required=mapping.columns, delimiter=mapping.delimiter), done, None
    )
    while batch := list(islice(rows, MAX_SAMPLES)):
        items = [mapping.item(row.cells, row.number) for row in batch if not row.problem]
        yield _Batch(len(batch), len(batch) - len(items), items)


@transaction.atomic
def _take(
    known: TelemetryImport, batch: _Batch, actor: Actor, at: datetime | None
) -> list[Rejection]:
    """One batch with its place in the file, in one transaction."""
    result: IngestResult = ingest(known.source, batch.items, actor=actor, at=at)
    TelemetryImport.objects.filter(pk=known.pk).update(
        rows_done=F("rows_done") + batch.rows,
        accepted_count=F("accepted_count") + result.accepted,
        duplicate_count=F("duplicate_count") + result.duplicates,
        quarantined_count=F("quarantined_count") + result.quarantined,
        rejected_count=F("rejected_count") + len(result.rejected) + batch.unreadable,
    )
    known.refresh_from_db()
    hit("telemetry.import.batch")
    return result.rejected
