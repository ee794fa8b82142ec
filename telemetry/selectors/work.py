"""When a vehicle was at work: what shift proposals are made of."""

from datetime import datetime

from django.db import connection

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
SELECT greatest(min(starts_at), %(start)s), least(max(ends_at), %(end)s)
FROM numbered GROUP BY n ORDER BY 1
"""


def work_intervals(
    vehicle_id: int, start: datetime, end: datetime, gap_h: float
) -> list[tuple[datetime, datetime]]:
    """The vehicle's work in [start, end): trips and hired runs, joined where less than `gap_h`
    hours of standing or silence lie between. Cut to [start, end), in order, never touching.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _WORK,
            {"vehicle": vehicle_id, "start": start, "end": end, "gap_s": round(gap_h * 3600)},
        )
        return [(starts_at, ends_at) for starts_at, ends_at in cursor.fetchall()]
