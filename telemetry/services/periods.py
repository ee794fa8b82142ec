"""Steps to trips and hired runs, each given to whoever had the car when it began.

Both are found again from nothing inside the window; a row whose beginning stays keeps its id.
Neither reaches over a change of company: each sees only its own time.
"""

from datetime import datetime
from typing import Any

_COMMON = ("provider_id", "driver_id", "ends_at", "km", "gap_km")
_TRIP = (
    *_COMMON,
    *("start_latitude", "start_longitude", "end_latitude", "end_longitude", "used_wh"),
)
_RUN = (*_COMMON, "fixes", "running_at_start")

# A step within one company's time; `own_leg` is false where its leg began in another's.
_HELD = """
    SELECT s.*, t.provider_id, t.starts_at AS held_from,
        s.fix_t >= date_part('epoch', t.starts_at) * 1000 AS own_leg
    FROM telemetry_step s
    JOIN telemetry_tenure t ON t.vehicle_id = s.vehicle_id
        AND s.at >= t.starts_at AND s.at < t.ends_at
    WHERE s.is_fix
"""

# Moves with less than five minutes of standing between them are one trip.
_TRIPS = f"""
CREATE TEMPORARY TABLE telemetry_found ON COMMIT DROP AS
WITH moves AS (
    SELECT vehicle_id, provider_id, window_id, held_from, t, fix_t, mm, gap, mwh,
        coalesce(fix_t - lag(t) OVER by_time < 300000, false) AS goes_on
    FROM ({_HELD}) s WHERE moving AND own_leg
    WINDOW by_time AS (PARTITION BY window_id, held_from ORDER BY t)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE NOT goes_on)
        OVER (PARTITION BY window_id, held_from ORDER BY t) AS n
    FROM moves
), trips AS (
    SELECT vehicle_id, provider_id, window_id, to_timestamp(min(fix_t) / 1000) AS starts_at,
        to_timestamp(max(t) / 1000) AS ends_at,
        coalesce(sum(mm) FILTER (WHERE NOT gap), 0)::bigint / 1000000::numeric AS km,
        coalesce(sum(mm) FILTER (WHERE gap), 0)::bigint / 1000000::numeric AS gap_km,
        round(sum(mwh) / 1000)::int AS used_wh
    FROM numbered GROUP BY vehicle_id, provider_id, window_id, held_from, n
)
SELECT t.vehicle_id, t.provider_id, t.starts_at, t.ends_at, t.km, t.gap_km, t.used_wh,
    a.latitude_e7 / 10000000::numeric AS start_latitude,
    a.longitude_e7 / 10000000::numeric AS start_longitude,
    z.latitude_e7 / 10000000::numeric AS end_latitude,
    z.longitude_e7 / 10000000::numeric AS end_longitude
FROM trips t
JOIN telemetry_window w ON w.window_id = t.window_id
    AND t.starts_at BETWEEN w.trip_lo AND w.trip_hi
JOIN telemetry_sample a ON a.vehicle_id = t.vehicle_id AND a.recorded_at = t.starts_at
    AND a.recorded_at BETWEEN %(first)s AND %(last)s
JOIN telemetry_sample z ON z.vehicle_id = t.vehicle_id AND z.recorded_at = t.ends_at
    AND z.recorded_at BETWEEN %(first)s AND %(last)s
"""

# Fixes with a fare between two words of "free" are one run, whatever silence lies between.
_RUNS = f"""
CREATE TEMPORARY TABLE telemetry_found ON COMMIT DROP AS
WITH runs AS (
    SELECT vehicle_id, provider_id, window_id, min(at) AS starts_at, max(at) AS ends_at,
        coalesce(sum(mm) FILTER (WHERE hired_leg AND own_leg AND NOT gap), 0)::bigint
            / 1000000::numeric AS km,
        coalesce(sum(mm) FILTER (WHERE hired_leg AND own_leg AND gap), 0)::bigint
            / 1000000::numeric AS gap_km,
        count(*)::int AS fixes, bool_or(fix_t IS NULL) AS from_first
    FROM ({_HELD}) s WHERE hired
    GROUP BY vehicle_id, provider_id, window_id, held_from, free_t
)
SELECT r.vehicle_id, r.provider_id, r.starts_at, r.ends_at, r.km, r.gap_km, r.fixes,
    r.from_first AND NOT w.seen_before AS running_at_start
FROM runs r JOIN telemetry_window w ON w.window_id = r.window_id
    AND r.starts_at BETWEEN w.run_lo AND w.run_hi
"""


def _replace(table: str, columns: tuple[str, ...], lo: str, hi: str) -> tuple[str, str]:
    """The statements that bring a table in line with `telemetry_found`."""
    own = ", ".join("h.driver_id" if c == "driver_id" else f"f.{c}" for c in columns)
    upsert = f"""
    INSERT INTO {table} AS p (vehicle_id, starts_at, {", ".join(columns)})
    SELECT f.vehicle_id, f.starts_at, {own}
    FROM telemetry_found f
    LEFT JOIN telemetry_holder h ON h.vehicle_id = f.vehicle_id
        AND f.starts_at >= h.starts_at AND f.starts_at < h.ends_at
    ORDER BY f.vehicle_id, f.starts_at
    ON CONFLICT (vehicle_id, starts_at) DO UPDATE SET
        {", ".join(f"{c} = EXCLUDED.{c}" for c in columns)}
    WHERE ({", ".join("p." + c for c in columns)})
        IS DISTINCT FROM ({", ".join("EXCLUDED." + c for c in columns)})
    """
    delete = f"""
    DELETE FROM {table} p USING telemetry_window w
    WHERE p.vehicle_id = w.vehicle_id AND p.starts_at BETWEEN w.{lo} AND w.{hi}
        AND NOT EXISTS (SELECT FROM telemetry_found f
            WHERE f.vehicle_id = p.vehicle_id AND f.starts_at = p.starts_at)
    """
    return upsert, delete


def write_trips(cursor: Any, bounds: dict[str, datetime]) -> None:
    """Bring the trips of the windows in line with their steps."""
    _write(cursor, _TRIPS, bounds, _replace("telemetry_trip", _TRIP, "trip_lo", "trip_hi"))


def write_hired_runs(cursor: Any) -> None:
    """Bring the hired runs of the windows in line with their steps."""
    _write(cursor, _RUNS, {}, _replace("telemetry_hiredrun", _RUN, "run_lo", "run_hi"))


def _write(cursor: Any, find: str, bounds: dict[str, datetime], then: tuple[str, str]) -> None:
    cursor.execute("DROP TABLE IF EXISTS telemetry_found")
    cursor.execute(find, bounds)
    for statement in then:
        cursor.execute(statement)
    cursor.execute("DROP TABLE telemetry_found")
