"""Steps to quarters of an hour.

A leg or a pause that crosses a quarter's end is shared out evenly over its time: rounded where it
is cut, so that the shares add up to the whole.
"""

from typing import Any

_SUMS = (
    *("km", "gap_km", "occupied_km", "driving_s", "idle_s", "charging_s", "offline_s"),
    *("occupied_s", "samples", "jumps", "repeats"),
)
_COLUMNS = (
    *_SUMS,
    *("soc_first_pct", "soc_last_pct", "soc_min_pct", "soc_max_pct", "used_wh", "charged_wh"),
)

# Quarters are numbered from 1970; a step's own quarter is that of its sample.
_NUMBERED = """
    SELECT s.*, floor(s.t / 900000) AS own,
        floor(s.before_t / 900000) AS from_q, ceil(s.t / 900000) - 1 AS to_q,
        floor(s.fix_t / 900000) AS leg_from_q,
        s.leg_ms IS NOT NULL AND NOT s.jump AS has_leg,
        CASE
            WHEN s.charging AND s.ms <= 3600000 THEN 'c'
            WHEN s.ms > 600000 THEN 'o'
            WHEN s.moving THEN 'd'
            ELSE 'i'
        END AS doing
    FROM telemetry_step s
"""

_SHARE = "round({amount} * (least({end}, q * 900000 + 900000) - {start}) / {span})" + (
    " - round({amount} * (greatest({start}, q * 900000) - {start}) / {span})"
)
_LEG_SHARE = _SHARE.format(amount="n.mm", start="n.fix_t", end="n.t", span="n.leg_ms")
_ENERGY_SHARE = _SHARE.format(amount="n.mwh", start="n.before_t", end="n.t", span="n.ms")
_TIME_SHARE = "least(n.t, q * 900000 + 900000) - greatest(n.before_t, q * 900000)"

_PARTS = f"""
    SELECT vehicle_id, window_id, own AS q, t, 1 AS n, soc, jump, repeat,
        CASE WHEN has_leg THEN mm END AS mm, gap, hired_leg,
        ms, doing, hired_time, mwh
    FROM numbered WHERE own = to_q AND from_q = own AND leg_from_q = own AND fix_t = before_t
UNION ALL
    SELECT vehicle_id, window_id, own, t, 1, soc, jump, repeat,
        NULL, false, false, NULL, NULL, false, NULL
    FROM others
UNION ALL
    SELECT n.vehicle_id, n.window_id, q, NULL, 0, NULL, false, false,
        {_LEG_SHARE}, n.gap, n.hired_leg, NULL, NULL, false, NULL
    FROM others n CROSS JOIN generate_series(n.leg_from_q::bigint, n.to_q::bigint) q
    WHERE n.has_leg
UNION ALL
    SELECT n.vehicle_id, n.window_id, q, NULL, 0, NULL, false, false,
        NULL, false, false, {_TIME_SHARE}, n.doing, n.hired_time, {_ENERGY_SHARE}
    FROM others n CROSS JOIN generate_series(n.from_q::bigint, n.to_q::bigint) q
    WHERE n.ms <= 604800000
"""


def _km(condition: str) -> str:
    return f"coalesce(sum(mm) FILTER (WHERE {condition}), 0)::bigint / 1000000::numeric"


def _seconds(condition: str) -> str:
    return f"round(coalesce(sum(ms) FILTER (WHERE {condition}), 0) / 1000)::int"


def _soc(function: str) -> str:
    """The SoC of the first (min) or last (max) sample: packed behind its time, so one aggregate."""
    packed = f"{function}(t * 16384 + soc)"
    return f"(mod(({packed})::bigint, 16384))::numeric / 100"


_MAKE = f"""
CREATE TEMPORARY TABLE telemetry_quarter ON COMMIT DROP AS
WITH numbered AS MATERIALIZED ({_NUMBERED}),
others AS (
    SELECT * FROM numbered
    WHERE (own = to_q AND from_q = own AND leg_from_q = own AND fix_t = before_t) IS NOT TRUE
),
parts AS ({_PARTS})
SELECT p.vehicle_id, to_timestamp(p.q * 900) AS starts_at,
    {_km("NOT gap")} AS km, {_km("gap")} AS gap_km, {_km("hired_leg")} AS occupied_km,
    {_seconds("doing = 'd'")} AS driving_s, {_seconds("doing = 'i'")} AS idle_s,
    {_seconds("doing = 'c'")} AS charging_s, {_seconds("doing = 'o'")} AS offline_s,
    {_seconds("hired_time")} AS occupied_s,
    sum(n)::int AS samples, count(*) FILTER (WHERE jump)::int AS jumps,
    count(*) FILTER (WHERE repeat)::int AS repeats,
    {_soc("min")} AS soc_first_pct, {_soc("max")} AS soc_last_pct,
    min(soc)::numeric / 100 AS soc_min_pct, max(soc)::numeric / 100 AS soc_max_pct,
    round(sum(mwh) FILTER (WHERE mwh >= 0) / 1000)::int AS used_wh,
    round(-sum(mwh) FILTER (WHERE mwh < 0) / 1000)::int AS charged_wh
FROM parts p JOIN telemetry_window w ON w.window_id = p.window_id
WHERE p.q >= date_part('epoch', w.bucket_lo) / 900 AND p.q < date_part('epoch', w.bucket_hi) / 900
GROUP BY p.vehicle_id, p.q
"""

_UPSERT = f"""
INSERT INTO telemetry_bucket AS b (vehicle_id, starts_at, {", ".join(_COLUMNS)})
SELECT vehicle_id, starts_at, {", ".join(_COLUMNS)} FROM telemetry_quarter
ORDER BY vehicle_id, starts_at
ON CONFLICT (vehicle_id, starts_at) DO UPDATE SET
    {", ".join(f"{c} = EXCLUDED.{c}" for c in _COLUMNS)}
WHERE ({", ".join("b." + c for c in _COLUMNS)})
    IS DISTINCT FROM ({", ".join("EXCLUDED." + c for c in _COLUMNS)})
"""

_DELETE = """
DELETE FROM telemetry_bucket b USING telemetry_window w
WHERE b.vehicle_id = w.vehicle_id AND b.starts_at >= w.bucket_lo AND b.starts_at < w.bucket_hi
    AND NOT EXISTS (SELECT FROM telemetry_quarter q
        WHERE q.vehicle_id = b.vehicle_id AND q.starts_at = b.starts_at)
"""


def write_quarters(cursor: Any) -> None:
    """Bring the quarters of the windows in line with their steps."""
    cursor.execute("DROP TABLE IF EXISTS telemetry_quarter")
    cursor.execute(_MAKE)
    cursor.execute(_UPSERT)
    cursor.execute(_DELETE)
    cursor.execute("DROP TABLE telemetry_quarter")
