"""How far a change of samples reaches: the windows in which derived data is computed anew.

New samples of a vehicle in [start, end] change the legs from the fix before to the fix after, the
quarters that these touch, and every trip and hired run that reaches into that time. Those are made
anew from all their samples; nothing outside can differ. Temporary tables of the transaction:
`telemetry_window`, one row a vehicle.

- `lo`, `hi`: from the sample (and fix) before to the one after.
- `bucket_lo`, `bucket_hi`: the quarters of that time, half-open.
- `run_lo`, `run_hi`; `trip_lo`, `trip_hi`: hired runs and trips that begin in there are replaced.
- `scan_from`, `scan_to`: the samples to read, with the neighbours of everything above.
- `hired_before`: whether a hired run was under way at `scan_from`.
- `seen_before`: whether any sample lies before `scan_from`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from telemetry.legs import LOOK_AROUND, STOP


class Touched(NamedTuple):
    """Samples of one vehicle came or changed in [start, end]."""

    vehicle_id: int
    start: datetime
    end: datetime


def _neighbour(time: str, *, before: bool, fix: bool = False) -> str:
    """The nearest sample on one side of `w.<time>`, as a scalar subquery."""
    side, order, sign = ("<", "DESC", "-") if before else (">", "ASC", "+")
    bound = f"w.{time} {sign} interval '{LOOK_AROUND.days} days'"
    limits = (bound, f"w.{time}") if before else (f"w.{time}", bound)
    return (
        f"(SELECT t.recorded_at FROM telemetry_sample t WHERE t.vehicle_id = w.vehicle_id"
        f" AND t.recorded_at {side} w.{time} AND t.recorded_at BETWEEN {limits[0]} AND {limits[1]}"
        " AND t.recorded_at BETWEEN %(first)s AND %(last)s"
        + (" AND t.latitude_e7 IS NOT NULL" if fix else "")
        + f" ORDER BY t.recorded_at {order} LIMIT 1)"
    )


def _nearest(time: str, *, before: bool) -> str:
    """The nearest fix, else the nearest sample, else the time itself."""
    return (
        f"coalesce({_neighbour(time, before=before, fix=True)},"
        f" {_neighbour(time, before=before)}, w.{time})"
    )


_NEXT_WORD = (
    "(SELECT n.recorded_at FROM telemetry_sample n WHERE n.vehicle_id = w.vehicle_id"
    " AND n.occupied IS NOT NULL AND n.recorded_at > w.e"
    f" AND n.recorded_at <= w.e + interval '{LOOK_AROUND.days} days'"
    " AND n.recorded_at BETWEEN %(first)s AND %(last)s"
    " AND EXISTS (SELECT FROM telemetry_sample c WHERE c.vehicle_id = w.vehicle_id"
    " AND c.occupied IS NOT NULL AND c.recorded_at BETWEEN w.s AND w.e"
    " AND c.recorded_at BETWEEN %(first)s AND %(last)s)"
    " ORDER BY n.recorded_at LIMIT 1)"
)


def _floor(time: str) -> str:
    return f"date_bin('15 minutes', {time}, '2000-01-01 00:00+00')"


def _touching(table: str, margin: str) -> str:
    return (
        f"LEFT JOIN LATERAL (SELECT min(p.starts_at) AS lo, max(p.ends_at) AS hi FROM {table} p"
        " WHERE p.vehicle_id = w.vehicle_id"
        f" AND p.starts_at <= w.hi + interval '{margin}'"
        f" AND p.ends_at >= w.lo - interval '{margin}') "
    )


_MAKE = f"""
CREATE TEMPORARY TABLE telemetry_window ON COMMIT DROP AS
WITH w AS MATERIALIZED (
    SELECT * FROM unnest(%(vehicles)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        AS given (vehicle_id, s, e)
), reach AS MATERIALIZED (
    SELECT w.vehicle_id, {_nearest("s", before=True)} AS lo,
        greatest({_nearest("e", before=False)}, {_NEXT_WORD}) AS hi
    FROM w
), spans AS MATERIALIZED (
    SELECT w.vehicle_id, w.lo, w.hi,
        {_floor("w.lo")} AS bucket_lo,
        {_floor("w.hi")} + interval '15 minutes' AS bucket_hi,
        least(w.lo, run.lo) AS run_lo, greatest(w.hi, run.hi) AS run_hi,
        least(w.lo, trip.lo) AS trip_lo, greatest(w.hi, trip.hi) AS trip_hi
    FROM reach w
    {_touching("telemetry_hiredrun", "0")} run ON true
    {_touching("telemetry_trip", f"{STOP.total_seconds():.0f} s")} trip ON true
)
SELECT row_number() OVER (ORDER BY w.vehicle_id) AS window_id, w.*,
    least(bucket_lo, run_lo, trip_lo) AS scan_from, greatest(bucket_hi, run_hi, trip_hi) AS scan_to,
    false AS hired_before, false AS seen_before
FROM spans w
"""

_WIDEN = f"""
UPDATE telemetry_window w SET
    scan_from = {_nearest("scan_from", before=True)},
    scan_to = {_nearest("scan_to", before=False)}
"""

_LOOK_BACK = f"""
UPDATE telemetry_window w SET
    seen_before = {_neighbour("scan_from", before=True)} IS NOT NULL,
    hired_before = EXISTS (
        SELECT FROM telemetry_hiredrun r WHERE r.vehicle_id = w.vehicle_id
        AND r.starts_at < w.run_lo AND r.starts_at <= w.scan_from AND r.ends_at >= w.scan_from)
"""


def make_windows(cursor: Any, touched: Sequence[Touched]) -> dict[str, datetime]:
    """Make `telemetry_window` for at most one change of each vehicle.

    Returns the parameters `first` and `last`, which bound everything that is to be read: constants
    for the planner, which then looks at the partitions of these days only.
    """
    if len({change.vehicle_id for change in touched}) != len(touched):
        raise ValueError("one window a vehicle: changes of a vehicle are worked on in turn")
    cursor.execute("DROP TABLE IF EXISTS telemetry_window")
    cursor.execute(
        _MAKE,
        {
            "vehicles": [change.vehicle_id for change in touched],
            "starts": [change.start for change in touched],
            "ends": [change.end for change in touched],
            "first": min(change.start for change in touched) - LOOK_AROUND,
            "last": max(change.end for change in touched) + LOOK_AROUND,
        },
    )
    cursor.execute(_WIDEN, _bounds(cursor))
    bounds = _bounds(cursor)
    cursor.execute(_LOOK_BACK, bounds)
    return bounds


def _bounds(cursor: Any) -> dict[str, datetime]:
    """A week around everything that the windows hold."""
    cursor.execute("SELECT min(scan_from), max(scan_to) FROM telemetry_window")
    first, last = cursor.fetchone()
    return {"first": first - LOOK_AROUND, "last": last + LOOK_AROUND}
