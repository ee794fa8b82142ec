"""Everything that is made of samples: quarters, trips, hired runs, and vehicles' days.

Set-based: one pass over the steps of all touched vehicles (`telemetry.legs`), then one statement a
kind. Rows that come out the same are not touched, so their ids and versions stay. What is derived
depends on the stored samples and on who held the car, on nothing else; it may be done twice, or in
parts, in any order.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from telemetry import legs, store
from telemetry.models import IngestBatch
from telemetry.services.batches import priorities
from telemetry.services.counters import count_batches
from telemetry.services.custody import make_custody
from telemetry.services.days import record_vehicle_days
from telemetry.services.periods import write_hired_runs, write_trips
from telemetry.services.quarters import write_quarters
from telemetry.signals import history_changed
from telemetry.windows import Touched, make_windows
from voltop import clock, jobs
from voltop.context import Actor

CHUNK = 200
"""Vehicles worked on in one transaction, each under its own lock."""

STATEMENT_TIMEOUT_S = 120
_JOINED = timedelta(hours=24)
_LOCK_SPACE = 0x746C << 40


def derive(
    vehicle_ids: Iterable[int],
    start: datetime,
    end: datetime,
    *,
    actor: Actor | None = None,
    at: datetime | None = None,
) -> None:
    """Make anew what follows from the samples of these vehicles in [start, end]."""
    derive_touched([Touched(pk, start, end) for pk in set(vehicle_ids)], at=at)


def derive_touched(touched: Sequence[Touched], *, at: datetime | None = None) -> None:
    """Make anew what follows from samples that came or changed; each vehicle in one transaction."""
    at = at or clock.now()
    for turn in _turns(touched):
        for first in range(0, len(turn), CHUNK):
            _derive_chunk(turn[first : first + CHUNK], at)


def _turns(touched: Sequence[Touched]) -> Iterator[list[Touched]]:
    """Changes in turns that hold each vehicle at most once; neighbouring ones are joined."""
    joined: list[list[Touched]] = []
    ordered = sorted(touched)
    for _, changes in groupby(ordered, key=lambda change: change.vehicle_id):
        mine: list[Touched] = []
        for change in changes:
            if mine and change.start - mine[-1].end <= _JOINED:
                mine[-1] = mine[-1]._replace(end=max(mine[-1].end, change.end))
            else:
                mine.append(change)
        joined.append(mine)
    for number in range(max(map(len, joined), default=0)):
        yield [mine[number] for mine in joined if number < len(mine)]


@transaction.atomic
def _derive_chunk(touched: Sequence[Touched], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
        _lock(cursor, [change.vehicle_id for change in touched])
        bounds = make_windows(cursor, touched)
        make_custody(cursor)
        _make_steps(cursor, bounds)
        write_quarters(cursor)
        write_trips(cursor, bounds)
        write_hired_runs(cursor)
        record_vehicle_days(cursor)
        for table in ("step", "window"):
            cursor.execute(f"DROP TABLE telemetry_{table}")
    history_changed.send(None, touched=list(touched), at=at)


def _lock(cursor: Any, vehicle_ids: Iterable[int]) -> None:
    """Two workers never work on one vehicle at once; taken in order, held to the commit."""
    cursor.execute("SET LOCAL lock_timeout = '30s'")
    cursor.execute(
        "SELECT count(pg_advisory_xact_lock(key)) FROM unnest(%s::bigint[]) AS key",
        [[_LOCK_SPACE + vehicle_id for vehicle_id in sorted(vehicle_ids)]],
    )


def _make_steps(cursor: Any, bounds: dict[str, datetime]) -> None:
    cursor.execute("DROP TABLE IF EXISTS telemetry_step")
    cursor.execute(
        "CREATE TEMPORARY TABLE telemetry_step ON COMMIT DROP AS " + legs.steps("telemetry_window"),
        bounds,
    )
    cursor.execute("ANALYZE telemetry_step, telemetry_window")


def derive_pending(*, at: datetime | None = None, limit: int = 200) -> int:
    """Work off up to `limit` stored batches, oldest first; how many there were.

    Batches, counters and everything derived move in one transaction a step: killed anywhere, the
    work is still there. Two workers take different batches. Where something goes wrong each
    company's batches are worked off by themselves, and one's mistakes hold up no other.
    """
    at = at or clock.now()
    batches = IngestBatch.objects.order_by("pk")
    try:
        return _work_off(batches[:limit], at)
    except Exception as error:
        if jobs.is_away(error):
            raise
    done = 0
    with jobs.apart("telemetry.derive_pending", at=at) as pieces:
        companies = batches.order_by("source__provider_id").values_list("source__provider_id")
        for (provider_id,) in list(companies.distinct()):
            with pieces.of(provider_id):
                done += _work_off(batches.filter(source__provider_id=provider_id)[:limit], at)
    return done


@transaction.atomic
def _work_off(waiting: QuerySet[IngestBatch], at: datetime) -> int:
    batches = list(waiting.select_for_update(skip_locked=True, of=("self",)))
    derive_touched(
        [
            Touched(vehicle_id, start, end)
            for batch in batches
            for vehicle_id, start, end in zip(
                batch.vehicle_ids, batch.starts_at, batch.ends_at, strict=True
            )
        ],
        at=at,
    )
    count_batches(batches)
    IngestBatch.objects.filter(pk__in=[batch.pk for batch in batches]).delete()
    return len(batches)


def rebuild(start: datetime, end: datetime, *, vehicle_ids: Sequence[int] | None = None) -> int:
    """Make everything of [start, end) again from samples; how many vehicles had any.

    Instants that several samples met are merged anew first, so that a source's changed priority
    counts. Time of which no sample is kept any more is left as it is.
    """
    last = end - timedelta(microseconds=1)
    with transaction.atomic():
        store.merge_again(start, last, priorities(), vehicle_ids)
    spans = store.vehicle_spans(start, last, vehicle_ids)
    derive_touched([Touched(vehicle_id, low, high) for vehicle_id, low, high in spans])
    return len(spans)
