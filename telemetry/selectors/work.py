"""When a vehicle was at work: what shift proposals are made of."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

Interval = tuple[datetime, datetime]

_WORK = """
WITH busy AS (
    SELECT starts_at, ends_at FROM telemetry_trip
        WHERE vehicle_id = %(vehicle)s AND starts_at < %(end)s AND ends_at >= %(start)s
    UNION ALL
    SELECT starts_at, ends_at FROM telemetry_hiredrun
        WHERE vehicle_id = %(vehicle)s AND starts_at < %(end)s AND ends_at >= %(start)s
), ordered AS (
    SELECT starts_at, ends_at, max(ends_at) OVER (
        ORDER BY starts_at, ends_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM busy
), numbered AS (
    SELECT starts_at, ends_at, count(*) FILTER (
        WHERE until IS NULL OR starts_at - until > %(gap_s)s * interval '1 second'
    ) OVER (ORDER BY starts_at, ends_at) AS n
    FROM ordered
)
SELECT min(starts_at), max(ends_at) FROM numbered GROUP BY n ORDER BY 1
"""

_SILENCES = """
SELECT before_at, recorded_at FROM (
    SELECT recorded_at, lag(recorded_at) OVER (ORDER BY recorded_at) AS before_at
    FROM telemetry_sample
    WHERE vehicle_id = %(vehicle)s AND recorded_at BETWEEN %(first)s AND %(last)s
) s
WHERE recorded_at - before_at > %(gap_s)s * interval '1 second'
ORDER BY 1
"""

_IN_USE = """
SELECT EXISTS (
    SELECT FROM telemetry_sample
    WHERE vehicle_id = %s AND recorded_at >= %s AND recorded_at < %s
        AND (ignition OR speed_kmh_x10 >= 30)
)
"""


def was_in_use(vehicle_id: int, start: datetime, end: datetime) -> bool:
    """Whether the vehicle was on, or moved at 3 km/h or more, at some instant of [start, end)."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE, [vehicle_id, start, end])
        [found] = cursor.fetchone()
    return bool(found)


def work_intervals(
    vehicle_id: int, start: datetime, end: datetime, gap_h: float
) -> list[tuple[datetime, datetime]]:
    """The vehicle's work in [start, end): trips and hired runs, joined where less than `gap_h`
    hours of standing or silence lie between. Cut to [start, end), in order, never touching.

    A longer silence parts work even within one trip or hired run: what moved a car, or left its
    meter on, while nothing was heard of it is no driver's work.
    """
    gap_s = round(gap_h * 3600)
    with connection.cursor() as cursor:
        cursor.execute(_WORK, {"vehicle": vehicle_id, "start": start, "end": end, "gap_s": gap_s})
        work: list[Interval] = cursor.fetchall()
        if not any((high - low).total_seconds() > gap_s for low, high in work):
            silences: list[Interval] = []
        else:
            bounds = {"first": work[0][0], "last": work[-1][1]}
            cursor.execute(_SILENCES, {"vehicle": vehicle_id, "gap_s": gap_s, **bounds})
            silences = cursor.fetchall()
    parts = [part for interval in work for part in _without(interval, silences)]
    cut = [(max(low, start), min(high, end)) for low, high in parts]
    return [(low, high) for low, high in cut if low < high]


def _without(interval: Interval, silences: Iterable[Interval]) -> Iterable[Interval]:
    """The parts of an interval before, between and after the silences."""
    low, high = interval
    for silent_from, heard_again in silences:
        if low <= silent_from and heard_again <= high:
            yield low, silent_from
            low = heard_again
    yield low, high
