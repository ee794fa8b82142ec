"""The one door to `telemetry_sample`: write a batch, read ranges.

Writing: COPY straight into the table; only when a key is there already (unique violation) the
batch goes through a staging table and `ON CONFLICT DO NOTHING`, and what differs is merged
(`telemetry.merge`). Rows are sorted by (vehicle, time) in every statement, so that two batches
that overlap wait for each other instead of dead-locking. Whoever reads names a time range: without
one the planner would look at every partition.

Not here: which samples are right and whose they are (`telemetry.samples`, `services.batches`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.db import IntegrityError, connection

from telemetry import merge
from telemetry.samples import FIRST_VALUE, KEY_COLUMNS, VALUE_COLUMNS, Row, from_us, to_us

COLUMNS = (*KEY_COLUMNS, *(column.name for column in VALUE_COLUMNS))
_COLUMN_LIST = ", ".join(COLUMNS)
# Times travel as whole microseconds: on the wire that is exactly what a timestamptz is.
_WIRE_TYPES = ("int8", "int8", "int8", "int4", *(column.type for column in VALUE_COLUMNS))
_STAGING = "telemetry_staging"
_CREATE_STAGING = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {_STAGING} (LIKE telemetry_sample) ON COMMIT DELETE ROWS"
)
_DIFFERS = " OR ".join(
    f"t.{name} IS DISTINCT FROM s.{name}"
    for name in ("source_id", *(column.name for column in VALUE_COLUMNS))
)


class Written(NamedTuple):
    """What a batch did: rows added, rows changed by merging (as they are now), exact repeats."""

    inserted: int
    merged: list[Row]
    duplicates: int


class KeyTaken(Exception):
    """A row's key is in the table already: the batch has to go through staging."""


class PartitionMissing(Exception):
    """A row's day has no partition (any more)."""


def copy_rows(rows: Iterable[Row], table: str = "telemetry_sample") -> None:
    """Binary COPY of rows, sorted by key. Raises KeyTaken, PartitionMissing; the transaction is
    broken then.
    """
    with connection.cursor() as cursor:
        try:
            with cursor.copy(f"COPY {table} ({_COLUMN_LIST}) FROM STDIN (FORMAT BINARY)") as copy:
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


def write_merging(
    rows: Sequence[Row], others: Sequence[Row], priorities: Mapping[int, int]
) -> Written:
    """Any rows: new keys are added, repeats ignored, differing samples of one instant merged.

    `rows` holds each key once, sorted; `others` holds further, differing samples of the same keys.
    Runs inside the caller's transaction. Raises PartitionMissing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CREATE_STAGING)
        cursor.execute(f"DELETE FROM {_STAGING}")
        copy_rows(rows, _STAGING)
        inserted = _insert_staged(cursor)
        differing = _differing(cursor, *_time_range(rows)) if inserted < len(rows) else []
    repeats = len(rows) - inserted - len(differing)
    merged, known = _merge_in([*differing, *others], priorities)
    return Written(inserted, merged, repeats + known)


def _insert_staged(cursor: Any) -> int:
    try:
        cursor.execute(
            f"INSERT INTO telemetry_sample ({_COLUMN_LIST})"
            f" SELECT {_COLUMN_LIST} FROM {_STAGING} ORDER BY vehicle_id, recorded_at"
            " ON CONFLICT (vehicle_id, recorded_at) DO NOTHING"
        )
    except IntegrityError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.errors.CheckViolation) and not cause.diag.constraint_name:
            raise PartitionMissing from error
        raise
    return int(cursor.rowcount)


def _differing(cursor: Any, first: datetime, last: datetime) -> list[Row]:
    """Staged rows that say something else than the stored one, or whose instant was merged before
    (there even an equal one is a contribution of its own).
    """
    cursor.execute(
        f"SELECT {', '.join(f's.{name}' for name in COLUMNS)} FROM {_STAGING} s"
        " JOIN telemetry_sample t ON t.vehicle_id = s.vehicle_id"
        " AND t.recorded_at = s.recorded_at AND t.recorded_at BETWEEN %s AND %s"
        f" WHERE {_DIFFERS} OR (s.vehicle_id, s.recorded_at) IN"
        " (SELECT vehicle_id, recorded_at FROM telemetry_samplecontribution"
        " WHERE recorded_at BETWEEN %s AND %s)",
        [first, last, first, last],
    )
    return [_as_row(found) for found in cursor.fetchall()]


def _as_row(found: Sequence[Any]) -> Row:
    """A row as the database shows it, with its times in microseconds."""
    return (found[0], to_us(found[1]), to_us(found[2]), *found[3:])


def _time_range(rows: Iterable[Row]) -> tuple[datetime, datetime]:
    times = [row[1] for row in rows]
    return from_us(min(times)), from_us(max(times))


# --- Several samples of one instant --------------------------------------------------------------
Key = tuple[int, int]


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
