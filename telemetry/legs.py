"""From samples to steps: what lies between one sample of a vehicle and the next, in SQL.

A *step* is one sample with the time since the one before. A *fix* is a sample with a position; a
*leg* is the way from one fix to the next, however many samples without one lie between. The rules,
once for everything that is derived:

- distance: haversine on a sphere of 6371.0088 km, in whole millimetres.
- a leg faster than 150 km/h is a *jump* (a wrong position): counted, but in no distance.
- a leg across more than 10 minutes is a *gap*: its distance counts apart, for how it was driven
  nobody knows. A leg across more than 7 days is none.
- occupied is what was last said; a sample that says nothing changes nothing, nor does a silence.
- driving: a reported speed of 3 km/h or more, else (none reported) that much on average; across a
  gap, 10 km/h on average.
- charging: said at both ends, up to an hour apart. Offline: more than 10 minutes of silence
  otherwise. The rest is idle.
- energy: mean of the powers at both ends × time, within 10 minutes, in whole mWh.

Whole numbers in double precision below 2^53 are exact, and their sums the same in any order: that
is why the same samples give the same digits.
"""

from datetime import timedelta

LOOK_AROUND = timedelta(days=7)
"""How far the sample before or after may be away."""

QUARTER = timedelta(minutes=15)
STOP = timedelta(minutes=5)
"""A pause this long between two moves ends a trip."""

_RADIANS_PER_E7 = "1.7453292519943296e-9"
_DIAMETER_MM = "12742017600.0"

_RAW = """
    SELECT recorded_at AS at, t, lat, lon, occupied, fast, soc, charging, power,
        lag(recorded_at) OVER o AS before_at,
        lag(t) OVER o AS before_t,
        lag(lat) OVER o AS before_lat,
        lag(lon) OVER o AS before_lon,
        lag(charging) OVER o AS before_charging,
        lag(power) OVER o AS before_power,
        max(CASE WHEN occupied THEN t END) OVER o AS hired_t,
        max(CASE WHEN NOT occupied THEN t END) OVER o AS free_t,
        max(CASE WHEN lat IS NOT NULL THEN recorded_at END)
            OVER (o ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS fix_at
    FROM (
        SELECT recorded_at, round(date_part('epoch', recorded_at) * 1000) AS t,
            latitude_e7::float8 AS lat, longitude_e7::float8 AS lon, occupied,
            speed_kmh_x10 >= 30 AS fast, soc_pct_x100 AS soc, charging,
            battery_power_w::float8 AS power
        FROM telemetry_sample
        WHERE vehicle_id = w.vehicle_id
            AND recorded_at BETWEEN w.scan_from AND w.scan_to
            AND recorded_at BETWEEN %(first)s AND %(last)s
        ORDER BY telemetry_sample.recorded_at OFFSET 0
    ) b
    WINDOW o AS (ORDER BY recorded_at)
"""

# Where the leg began: nearly always the sample before; looked up by key where that had no fix.
_WITH_LEG_START = """
    SELECT r.*, round(date_part('epoch', r.fix_at) * 1000) AS fix_t,
        CASE WHEN r.fix_at = r.before_at THEN r.before_lat ELSE (
            SELECT p.latitude_e7 FROM telemetry_sample p
            WHERE p.vehicle_id = w.vehicle_id AND p.recorded_at = r.fix_at
                AND p.recorded_at BETWEEN %(first)s AND %(last)s) END AS from_lat,
        CASE WHEN r.fix_at = r.before_at THEN r.before_lon ELSE (
            SELECT p.longitude_e7 FROM telemetry_sample p
            WHERE p.vehicle_id = w.vehicle_id AND p.recorded_at = r.fix_at
                AND p.recorded_at BETWEEN %(first)s AND %(last)s) END AS from_lon,
        CASE WHEN r.hired_t IS NULL AND r.free_t IS NULL THEN w.hired_before
            ELSE r.hired_t > coalesce(r.free_t, '-infinity') END AS hired
    FROM ({raw}) r
    ORDER BY r.at OFFSET 0
"""

_MEASURED = f"""
    SELECT m.at, m.t, m.lat IS NOT NULL AS is_fix, m.fast, m.soc, m.free_t, m.hired,
        m.before_t, m.fix_t, m.t - m.before_t AS ms,
        lag(m.hired) OVER by_time AS before_hired,
        max(CASE WHEN m.hired AND m.lat IS NOT NULL THEN m.t END)
            OVER (by_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS hired_fix_t,
        coalesce(m.charging > 0 AND m.before_charging > 0, false) AS charging,
        CASE WHEN m.t - m.before_t <= 600000 THEN
            round((m.power + m.before_power) / 2 * (m.t - m.before_t) / 3600) END AS mwh,
        CASE WHEN m.lat IS NOT NULL AND m.t - m.fix_t <= 604800000 THEN m.t - m.fix_t END AS leg_ms,
        CASE WHEN m.lat IS NOT NULL AND m.t - m.fix_t <= 604800000 THEN
            round({_DIAMETER_MM} * asin(least(1, sqrt(
                sin((m.lat - m.from_lat) * {_RADIANS_PER_E7} / 2)
                * sin((m.lat - m.from_lat) * {_RADIANS_PER_E7} / 2)
                + cos(m.lat * {_RADIANS_PER_E7}) * cos(m.from_lat * {_RADIANS_PER_E7})
                * sin((m.lon - m.from_lon) * {_RADIANS_PER_E7} / 2)
                * sin((m.lon - m.from_lon) * {_RADIANS_PER_E7} / 2))))) END AS leg_mm
    FROM ({{with_leg_start}}) m
    WINDOW by_time AS (ORDER BY m.at)
"""

_STEPS = """
SELECT w.window_id, w.vehicle_id, {more}g.at, g.t, g.before_t, g.fix_t, g.is_fix, g.soc, g.mwh,
    g.free_t, coalesce(g.hired, false) AS hired, g.ms, g.leg_ms, g.charging,
    coalesce(g.hired AND g.before_hired, false) AS hired_time,
    coalesce(g.hired AND g.hired_fix_t = g.fix_t
        AND g.fix_t > coalesce(g.free_t, '-infinity'), false) AS hired_leg,
    g.leg_mm * 3.6 > 150 * g.leg_ms AS jump,
    g.leg_ms > 600000 AS gap,
    g.leg_mm = 0 AS repeat,
    CASE WHEN g.leg_mm * 3.6 > 150 * g.leg_ms THEN 0 ELSE g.leg_mm END AS mm,
    CASE
        WHEN g.leg_mm IS NULL OR g.leg_mm * 3.6 > 150 * g.leg_ms THEN coalesce(g.fast, false)
        WHEN g.leg_ms > 600000 THEN g.leg_mm * 3.6 >= 10 * g.leg_ms
        ELSE coalesce(g.fast, g.leg_mm * 3.6 >= 3 * g.leg_ms)
    END AS moving
FROM {windows} w CROSS JOIN LATERAL ({measured}) g
"""


def steps(windows: str, *, more: str = "") -> str:
    """The steps of every window of a relation with the columns window_id, vehicle_id, scan_from,
    scan_to and hired_before, in order of time within each; `more` adds columns of the window.

    Takes the parameters `first` and `last`: bounds of all windows, for the planner to see which
    partitions there are. The first step of a window has nothing before it.
    """
    with_leg_start = _WITH_LEG_START.format(raw=_RAW)
    measured = _MEASURED.format(with_leg_start=with_leg_start)
    return _STEPS.format(windows=windows, measured=measured, more=f"{more}, " if more else "")
