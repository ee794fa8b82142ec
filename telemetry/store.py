"""The one door to `telemetry_sample`: write a batch, read ranges.

Writing: COPY straight into the table; only when a key is there already (unique violation) the
batch's keys are looked up first, what is new is copied, and what differs is merged
(`telemetry.merge`). Rows are sorted by (vehicle, time) in every statement, so that two batches
that overlap wait for each other instead of dead-locking. Whoever reads names a time range: without
one the planner would look at every partition.

Not here: which samples are right and whose they are (`telemetry.samples`, `services.batches`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.db import connection

from telemetry import merge
from telemetry.samples import FIRST_VALUE, KEY_COLUMNS, VALUE_COLUMNS, Row, from_us, to_us
from voltop import wire

COLUMNS = (*KEY_COLUMNS, *(column.name for column in VALUE_COLUMNS))
_COPY = f"COPY telemetry_sample ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
# Times travel as whole microseconds: on the wire that is exactly what a timestamptz is.
_WIRE_TYPES = ("int8", "int8", "int8", "int4", *(column.type for column in VALUE_COLUMNS))

Key = tuple[int, int]
"""(vehicle_id, recorded_at) of a row."""


class Written(NamedTuple):
    """What a batch did: rows added, rows changed by merging (as they are now), exact repeats."""

    inserted: int
    merged: list[Row]
    duplicates: int


class KeyTaken(Exception):
    """A row's key is in the table already: the batch's keys have to be looked up."""


class PartitionMissing(Exception):
    """A row's day has no partition (any more)."""


def copy_rows(rows: Iterable[Row]) -> None:
    """Binary COPY of rows, sorted by key. Raises KeyTaken, PartitionMissing; the transaction is
    broken then.
    """
    with connection.cursor() as cursor:
        try:
            with cursor.copy(_COPY) as copy:
                copy.set_types(_WIRE_TYPES)
                write = copy.write_row
                for row in rows:
                    write(row)
        except psycopg.errors.UniqueViolation as error:
            raise KeyTaken from error
        except psycopg.errors.CheckViolation as error:
            if error.diag.constraint_name:
                raise
            raise PartitionMissing from error


def write_new(rows: Sequence[Row]) -> Written:
    """Rows of keys that nobody has written yet, by COPY alone. Raises KeyTaken."""
    copy_rows(rows)
    return Written(len(rows), [], 0)


def write_known(
    rows: Sequence[Row], others: Sequence[Row], priorities: Callable[[], Mapping[int, int]]
) -> Written:
    """Any rows: new keys are added, repeats ignored, differing samples of one instant merged.

    `rows` holds each key once, sorted; `others` holds further, differing samples of the same keys.
    Runs inside the caller's transaction. Raises KeyTaken where somebody wrote one of the keys
    since they were looked up (the next look finds it), and PartitionMissing.
    """
    known = _known(rows)
    new = [row for row in rows if row[:2] not in known]
    differing = [row for row in rows if known.get(row[:2], row[3:]) != row[3:]]
    if new:
        copy_rows(new)
    incoming = [*differing, *others]
    merged, repeated = _merge_in(incoming, priorities()) if incoming else ([], 0)
    return Written(len(new), merged, len(rows) - len(new) - len(differing) + repeated)


_KNOWN = f"""
SELECT t.vehicle_id, t.recorded_at, EXISTS (
        SELECT FROM telemetry_samplecontribution c
        WHERE c.vehicle_id = t.vehicle_id AND c.recorded_at = t.recorded_at
    ), t.source_id, {", ".join(f"t.{column.name}" for column in VALUE_COLUMNS)}
FROM unnest(%b::int8[], %b::timestamptz[]) k(vehicle_id, recorded_at)
JOIN telemetry_sample t ON t.vehicle_id = k.vehicle_id AND t.recorded_at = k.recorded_at
    AND t.recorded_at BETWEEN %b::timestamptz AND %b::timestamptz
"""


def _known(rows: Sequence[Row]) -> dict[Key, tuple[Any, ...] | None]:
    """What the table holds of these keys: source and values of each; None for an instant that was
    merged before (there even an equal sample is a contribution of its own).
    """
    if not rows:
        return {}
    times = [row[1] for row in rows]
    ends = [from_us(min(times)), from_us(max(times))]
    keys = [wire.array([row[0] for row in rows], "int8"), wire.array(times, "timestamptz")]
    return {
        (vehicle_id, to_us(recorded_at)): None if merged else tuple(values)
        for vehicle_id, recorded_at, merged, *values in wire.execute(_KNOWN, [*keys, *ends])
    }


def _as_row(found: Sequence[Any]) -> Row:
    """A row as the database shows it, with its times in microseconds."""
    return (found[0], to_us(found[1]), to_us(found[2]), *found[3:])


# --- Several samples of one instant --------------------------------------------------------------
def _merge_in(incoming: Sequence[Row], priorities: Mapping[int, int]) -> tuple[list[Row], int]:
    """Keep each row as a contribution and compute its instant anew.

    Returns the instants' rows as they are now, and how many contributions were known already.
    The stored rows are locked in key order first: two batches merge one after the other.
    """
    if not incoming:
        return [], 0
    keys = sorted({row[:2] for row in incoming})
    with connection.cursor() as cursor:
        stored = _lock_rows(cursor, keys)
        known = _contributions(cursor, keys)
        originals = [row for key, row in stored.items() if key not in known]
        added = _add_contributions(cursor, [*originals, *incoming])
        everything = _contributions(cursor, keys)
        merged = [merge.merge(key[0], key[1], everything[key], priorities) for key in keys]
        _update_rows(cursor, [row for row in merged if row != stored[row[:2]]])
    return merged, len(incoming) - (added - len(originals))


def _key_arrays(keys: Sequence[Key]) -> list[Any]:
    times = [from_us(us) for _, us in keys]
    return [[vehicle for vehicle, _ in keys], times, min(times), max(times)]


def _lock_rows(cursor: Any, keys: Sequence[Key]) -> dict[Key, Row]:
    cursor.execute(
        f"SELECT {', '.join(f't.{name}' for name in COLUMNS)}"
        " FROM unnest(%s::bigint[], %s::timestamptz[]) k(vehicle_id, recorded_at)"
        " JOIN telemetry_sample t ON t.vehicle_id = k.vehicle_id"
        " AND t.recorded_at = k.recorded_at AND t.recorded_at BETWEEN %s AND %s"
        " ORDER BY t.vehicle_id, t.recorded_at FOR NO KEY UPDATE OF t",
        _key_arrays(keys),
    )
    rows = [_as_row(found) for found in cursor.fetchall()]
    return {row[:2]: row for row in rows}


def _contributions(cursor: Any, keys: Sequence[Key]) -> dict[Key, list[merge.Contribution]]:
    cursor.execute(
        "SELECT c.vehicle_id, c.recorded_at, c.received_at, c.source_id, c.values::text"
        " FROM unnest(%s::bigint[], %s::timestamptz[]) k(vehicle_id, recorded_at)"
        " JOIN telemetry_samplecontribution c ON c.vehicle_id = k.vehicle_id"
        " AND c.recorded_at = k.recorded_at AND c.recorded_at BETWEEN %s AND %s",
        _key_arrays(keys),
    )
    found: dict[Key, list[merge.Contribution]] = {}
    for vehicle_id, recorded_at, received_at, source_id, values in cursor.fetchall():
        contribution = merge.Contribution(
            to_us(received_at), source_id, tuple(msgspec.json.decode(values))
        )
        found.setdefault((vehicle_id, to_us(recorded_at)), []).append(contribution)
    return found


def _add_contributions(cursor: Any, rows: Sequence[Row]) -> int:
    """How many of these were new; a contribution is known by its source and its values."""
    values = [row[FIRST_VALUE:] for row in rows]
    cursor.execute(
        "INSERT INTO telemetry_samplecontribution"
        " (vehicle_id, recorded_at, received_at, source_id, values, digest)"
        " SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::integer[],"
        " %s::jsonb[], %s::bytea[]) ON CONFLICT DO NOTHING",
        [
            [row[0] for row in rows],
            [from_us(row[1]) for row in rows],
            [from_us(row[2]) for row in rows],
            [row[3] for row in rows],
            [msgspec.json.encode(list(value)).decode() for value in values],
            [merge.digest(value) for value in values],
        ],
    )
    return int(cursor.rowcount)


_UPDATE = (
    "UPDATE telemetry_sample SET "
    + ", ".join(f"{name} = %s" for name in COLUMNS[2:])
    + " WHERE vehicle_id = %s AND recorded_at = %s"
)


def _update_rows(cursor: Any, rows: Sequence[Row]) -> None:
    if rows:
        cursor.executemany(
            _UPDATE,
            [(from_us(row[2]), *row[3:], row[0], from_us(row[1])) for row in rows],
        )


def vehicle_spans(
    start: datetime, end: datetime, vehicle_ids: Sequence[int] | None = None
) -> list[tuple[int, datetime, datetime]]:
    """(vehicle, first, last sample) in [start, end], of all vehicles or of some."""
    some = "" if vehicle_ids is None else " AND vehicle_id = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT vehicle_id, min(recorded_at), max(recorded_at) FROM telemetry_sample"
            f" WHERE recorded_at BETWEEN %s AND %s{some} GROUP BY vehicle_id ORDER BY vehicle_id",
            [start, end] if vehicle_ids is None else [start, end, list(vehicle_ids)],
        )
        return [(vehicle_id, first, last) for vehicle_id, first, last in cursor.fetchall()]


def merge_again(
    start: datetime,
    end: datetime,
    priorities: Mapping[int, int],
    vehicle_ids: Sequence[int] | None = None,
) -> int:
    """Compute every merged instant of [start, end] anew; how many there were."""
    some = "" if vehicle_ids is None else " AND vehicle_id = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT vehicle_id, recorded_at FROM telemetry_samplecontribution"
            f" WHERE recorded_at BETWEEN %s AND %s{some} ORDER BY vehicle_id, recorded_at",
            [start, end] if vehicle_ids is None else [start, end, list(vehicle_ids)],
        )
        keys = [(vehicle_id, to_us(recorded_at)) for vehicle_id, recorded_at in cursor.fetchall()]
        if keys:
            stored, known = _lock_rows(cursor, keys), _contributions(cursor, keys)
            merged = [
                merge.merge(vehicle_id, us, known[vehicle_id, us], priorities)
                for vehicle_id, us in keys
                if (vehicle_id, us) in stored
            ]
            _update_rows(cursor, [row for row in merged if row != stored[row[:2]]])
    return len(keys)
