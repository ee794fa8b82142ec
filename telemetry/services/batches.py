"""Taking in a batch of samples: each is stored, known already, quarantined or refused by itself.

Returns after the commit: what it counts as accepted survives the loss of every process. Not here:
HTTP (`telemetry.views`), files (`services.imports`), and what is made of samples
(`services.derivation`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db import transaction

from telemetry import partitions, store
from telemetry.errors import SourceDisabled, TooManyDays, TooManySamples
from telemetry.models import IngestBatch, TelemetrySource
from telemetry.routing import Router
from telemetry.samples import (
    FIRST_VALUE,
    MAX_SAMPLES,
    PG_EPOCH,
    Rejection,
    Row,
    Sample,
    check,
    decode_batch,
    decode_whole,
    parse,
    to_row,
    to_us,
)
from telemetry.services.quarantine import put_into_quarantine
from telemetry.services.states import merge_vehicle_states
from voltop import clock, wire
from voltop.context import Actor
from voltop.errors import DomainError, LockBusy, NotFound
from voltop.failpoints import hit

MAX_NEW_DAYS = 62
"""A batch may open so many daily partitions at once; more is a broken clock or an attack."""

LOOKED_UP_AFTER_CONFLICT = 20
"""So many batches of a source that repeated itself are looked up before anything is copied."""

MAX_TRIES = 20
"""Each try fails on a key that somebody else has just committed, and the next one knows it."""
_US_PER_DAY = 86_400_000_000
_EPOCH_DAY = PG_EPOCH.date()

_NOTE = f"""
INSERT INTO {IngestBatch._meta.db_table} (source_id, received_at, accepted_count, duplicate_count,
    rejected_count, errors, vehicle_ids, starts_at, ends_at)
VALUES (%b, %b, %b, %b, %b, %b::jsonb, %b::int8[], %b::timestamptz[], %b::timestamptz[])
"""
_key = itemgetter(0, 1)

# How many more batches of a source are looked up first; a process's own memory is enough.
_looked_up: dict[int, int] = {}


@dataclass(slots=True)
class IngestResult:
    """What became of a batch; the counts add up to its samples."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    unknown_fields: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Intake:
    """A batch on its way: `rows` holds each key once, sorted; `others` further, differing samples
    of the same keys; `repeats` counts exact repeats; `unfitted`, samples of unknown devices.
    """

    source: TelemetrySource
    at: datetime
    rejected: list[Rejection]
    rows: list[Row] = field(default_factory=list)
    others: list[Row] = field(default_factory=list)
    repeats: int = 0
    unfitted: list[Sample] = field(default_factory=list)

    def accepted(self, written: store.Written) -> int:
        return len(self.rows) + len(self.others) - written.duplicates


def ingest_body(
    source: TelemetrySource, raw: bytes, *, actor: Actor, at: datetime | None = None
) -> IngestResult:
    """Take in a body `{"samples": […]}` as `ingest` does; unknown names beside it are told too.

    Raises what `ingest` and `samples.decode_batch` raise.
    """
    at = at or clock.now()
    whole = decode_whole(raw)
    if whole is None:
        items, unknown = decode_batch(raw)
        result = ingest(source, items, actor=actor, at=at)
        result.unknown_fields = sorted({*result.unknown_fields, *unknown})
        return result
    if len(whole) > MAX_SAMPLES:
        raise TooManySamples(limit=MAX_SAMPLES)
    good, wrong = check(list(enumerate(whole)), at=at)
    return ingest_samples(source, good, actor=actor, at=at, refused=wrong)


def ingest(
    source: TelemetrySource, items: list[Any], *, actor: Actor, at: datetime | None = None
) -> IngestResult:
    """Take in decoded JSON samples, each by itself: one bad sample never loses a good one.

    Raises SourceDisabled (403), TooManySamples (413); LockBusy (503) if a partition cannot be made.
    """
    at = at or clock.now()
    if len(items) > MAX_SAMPLES:
        raise TooManySamples(limit=MAX_SAMPLES)
    parsed = parse(items, at=at)
    result = ingest_samples(source, parsed.samples, actor=actor, at=at, refused=parsed.rejected)
    result.unknown_fields = parsed.unknown_fields
    return result


def ingest_samples(
    source: TelemetrySource,
    samples: Sequence[tuple[int, Sample]],
    *,
    actor: Actor,
    at: datetime | None = None,
    refused: Iterable[Rejection] = (),
) -> IngestResult:
    """Take in samples that are right in themselves, with their numbers in the caller's batch."""
    at = at or clock.now()
    if None not in (owners := {source.provider_id, actor.provider_id}) and len(owners) > 1:
        raise NotFound()
    if source.disabled_at is not None:
        raise SourceDisabled()
    intake = _Intake(source, at, list(refused))
    _route(intake, samples)
    _make_room(intake, samples)
    written = _store(intake)
    hit("telemetry.ingest.committed")
    return IngestResult(
        accepted=intake.accepted(written),
        duplicates=intake.repeats + written.duplicates,
        quarantined=len(intake.unfitted),
        rejected=sorted(intake.rejected, key=lambda rejection: rejection.index),
    )


def forget_conflicts() -> None:
    """Drop what this process remembers of sources that repeat themselves (for tests)."""
    _looked_up.clear()


def priorities() -> dict[int, int]:
    """Every source's priority, for instants about which sources disagree."""
    return dict(TelemetrySource.objects.unscoped().values_list("pk", "priority"))


def _route(intake: _Intake, samples: Sequence[tuple[int, Sample]]) -> None:
    """Find each sample's vehicle and bring it into its stored form."""
    source_id, received_us = intake.source.pk, to_us(intake.at)
    alone = [sample for _, sample in samples]
    router = Router(intake.source, alone, at=intake.at)
    vehicle_ids = router.plain(alone)
    if vehicle_ids is None:
        alone, vehicle_ids = _route_singly(intake, samples, router)
    rows = [
        to_row(sample, vehicle_id, received_us, source_id)
        for sample, vehicle_id in zip(alone, vehicle_ids, strict=True)
    ]
    rows.sort(key=_key)  # stable: of one key, the first to come stays first
    if len(set(map(_key, rows))) < len(rows):
        rows = _once(intake, rows)
    intake.rows = rows


def _route_singly(
    intake: _Intake, samples: Sequence[tuple[int, Sample]], router: Router
) -> tuple[list[Sample], list[int]]:
    """Those samples that have a vehicle, with it; the others are refused or quarantined."""
    routed, vehicle_ids = [], []
    for index, sample in samples:
        found = router.vehicle_of(sample)
        if isinstance(found, int):
            routed.append(sample)
            vehicle_ids.append(found)
        elif isinstance(found, DomainError):
            intake.rejected.append(Rejection(index, sample.ref, found))
        else:
            intake.unfitted.append(sample)
    return routed, vehicle_ids


def _once(intake: _Intake, rows: list[Row]) -> list[Row]:
    """Each key once; what else the batch says of it is counted or kept apart."""
    first: dict[tuple[int, int], Row] = {}
    for row in rows:
        known = first.setdefault(_key(row), row)
        if known is not row:
            if known[FIRST_VALUE:] == row[FIRST_VALUE:]:
                intake.repeats += 1
            else:
                intake.others.append(row)
    return list(first.values())


def _day(row: Row) -> date:
    return _EPOCH_DAY + timedelta(days=row[1] // _US_PER_DAY)


def _make_room(intake: _Intake, samples: Sequence[tuple[int, Sample]]) -> None:
    """Make the partitions that the batch needs; where they are too many, refuse the oldest days."""
    days = {row[1] // _US_PER_DAY for row in intake.rows}
    missing = partitions.missing(_EPOCH_DAY + timedelta(days=day) for day in days)
    if len(missing) > MAX_NEW_DAYS:
        refused = set(missing[:-MAX_NEW_DAYS])
        missing = missing[-MAX_NEW_DAYS:]
        done = {rejection.index for rejection in intake.rejected}
        for index, sample in samples:
            day = _EPOCH_DAY + timedelta(days=to_us(sample.recorded_at) // _US_PER_DAY)
            if index not in done and day in refused:
                error = TooManyDays(field="recorded_at", limit=MAX_NEW_DAYS)
                intake.rejected.append(Rejection(index, sample.ref, error))
        intake.rows = [row for row in intake.rows if _day(row) not in refused]
        intake.others = [row for row in intake.others if _day(row) not in refused]
    partitions.ensure(missing)


def _store(intake: _Intake) -> store.Written:
    """Write the batch in one transaction: by COPY alone where nothing of it is known yet."""
    left = _looked_up.get(intake.source.pk, 0)
    written = _write_once(intake, look=bool(left or intake.others))
    if written.duplicates or written.merged:
        _looked_up[intake.source.pk] = LOOKED_UP_AFTER_CONFLICT
    elif left:
        _looked_up[intake.source.pk] = left - 1
    return written


def _write_once(intake: _Intake, *, look: bool) -> store.Written:
    """One write, tried again with a look at what is known where a key was taken meanwhile.

    Raises LockBusy (503) where others keep writing the same keys.
    """
    for _ in range(MAX_TRIES):
        try:
            return _with_partitions(intake, look=look)
        except store.KeyTaken:
            look = True
    raise LockBusy()


def _with_partitions(intake: _Intake, *, look: bool) -> store.Written:
    """One try; a second one after making partitions that were dropped since we saw them."""
    try:
        return _write(intake, look=look)
    except store.PartitionMissing:
        partitions.forget()
        partitions.ensure({_day(row) for row in intake.rows})
        return _write(intake, look=look)


@transaction.atomic
def _write(intake: _Intake, *, look: bool) -> store.Written:
    written = store.Written(0, [], 0)
    if intake.rows:
        if look:
            written = store.write_known(intake.rows, intake.others, priorities)
        else:
            written = store.write_new(intake.rows)
    touched = _as_stored(intake.rows, written)
    if touched:
        merge_vehicle_states(touched)
    put_into_quarantine(intake.source, intake.unfitted, at=intake.at)
    _note_batch(intake, touched, written)
    hit("telemetry.ingest.written")
    return written


def _as_stored(rows: list[Row], written: store.Written) -> list[Row]:
    """The batch's rows as they stand now, in key order; none if the batch changed nothing."""
    if not written.merged:
        return rows if written.inserted else []
    merged = {_key(row): row for row in written.merged}
    return [merged.get(_key(row), row) for row in rows]


def _note_batch(intake: _Intake, touched: Sequence[Row], written: store.Written) -> None:
    """Leave counts and touched times for `services.derivation`, in the batch's own transaction."""
    # Sorted: what is written last of a vehicle is its latest; from behind, its earliest.
    ends = {row[0]: row[1] for row in touched}
    starts = {row[0]: row[1] for row in reversed(touched)}
    errors = Counter(rejection.error.code for rejection in intake.rejected)
    wire.execute(
        _NOTE,
        [
            intake.source.pk,
            intake.at,
            intake.accepted(written),
            intake.repeats + written.duplicates,
            len(intake.rejected),
            json.dumps(errors),
            wire.array(list(ends), "int8"),
            wire.array([starts[vehicle_id] for vehicle_id in ends], "timestamptz"),
            wire.array(list(ends.values()), "timestamptz"),
        ],
    )
