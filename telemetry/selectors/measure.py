"""What samples say of a vehicle over any stretch of time, to the second."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from telemetry import legs
from telemetry.legs import LOOK_AROUND


@dataclass(frozen=True, slots=True)
class Measurement:
    """Of one vehicle over [start, end): kilometres, seconds, energy and state of charge.

    Rules and units as `telemetry.legs` states them: km without gap_km, occupied_km of both. A leg
    that crosses an end counts by its share of time. coverage_pct: the share of the time of which
    something is known, that is, without silences of more than 10 minutes. used_wh and charged_wh
    are None where no power was sent; SoC, where none was.
    """

    km: Decimal
    gap_km: Decimal
    occupied_km: Decimal
    driving_s: int
    idle_s: int
    charging_s: int
    offline_s: int
    occupied_s: int
    used_wh: int | None
    charged_wh: int | None
    soc_start_pct: Decimal | None
    soc_end_pct: Decimal | None
    samples: int
    coverage_pct: Decimal


@dataclass(frozen=True, slots=True)
class Stretch:
    """A vehicle's time [start, end) to be measured."""

    vehicle_id: int
    start: datetime
    end: datetime


def measure(vehicle_id: int, start: datetime, end: datetime) -> Measurement:
    """What the samples say of one vehicle over [start, end)."""
    [found] = measure_many([Stretch(vehicle_id, start, end)])
    return found


def measure_many(stretches: Sequence[Stretch]) -> list[Measurement]:
    """The same of many stretches in one query, in their order."""
    if not stretches:
        return []
    first = min(stretch.start for stretch in stretches) - LOOK_AROUND
    last = max(stretch.end for stretch in stretches) + LOOK_AROUND
    with connection.cursor() as cursor:
        cursor.execute(
            _MEASURE,
            {
                "vehicles": [stretch.vehicle_id for stretch in stretches],
                "starts": [stretch.start for stretch in stretches],
                "ends": [stretch.end for stretch in stretches],
                "first": first,
                "last": last,
            },
        )
        rows = {row[0]: row[1:] for row in cursor.fetchall()}
    return [
        _measurement(stretch, rows.get(number)) for number, stretch in enumerate(stretches, start=1)
    ]


def _measurement(stretch: Stretch, row: Sequence[Any] | None) -> Measurement:
    """The columns of a found row in the order of `Measurement`'s fields, and what they cover."""
    row = row or (*(Decimal(0),) * 3, *(0,) * 5, *(None,) * 4, 0)
    driving_s, idle_s, charging_s = row[3:6]
    total_s = (stretch.end - stretch.start) / timedelta(seconds=1)
    pct = Decimal(driving_s + idle_s + charging_s) * 100 / Decimal(total_s) if total_s > 0 else 0
    coverage_pct = min(Decimal(pct), Decimal(100)).quantize(Decimal("0.01"))
    return Measurement(*(*row, coverage_pct))


def _share(amount: str, start: str, end: str, span: str) -> str:
    """The part of an amount that falls into the stretch: rounded where it is cut, so that the
    parts of neighbouring stretches add up.
    """
    return (
        f"round({amount} * (least({end}, s.hi) - {start}) / {span})"
        f" - round({amount} * (greatest({start}, s.lo) - {start}) / {span})"
    )


_LEG_SHARE = _share("s.mm", "s.fix_t", "s.t", "s.leg_ms")
_ENERGY_SHARE = _share("s.mwh", "s.before_t", "s.t", "s.ms")
_IN = "s.t >= s.lo AND s.t < s.hi"


def _km(condition: str) -> str:
    return f"coalesce(sum(leg) FILTER (WHERE {condition}), 0)::bigint / 1000000::numeric"


def _seconds(condition: str) -> str:
    return f"round(coalesce(sum(span) FILTER (WHERE {condition}), 0) / 1000)::int"


def _soc(function: str) -> str:
    """Of the first (min) or last (max) sample inside: packed behind its time."""
    return (
        f"mod(({function}(s.t * 16384 + s.soc) FILTER (WHERE {_IN}))::bigint, 16384)::numeric / 100"
    )


_WINDOWS = f"""(
    SELECT n AS window_id, g.vehicle_id, g.lo, g.hi, coalesce(
        (SELECT t.recorded_at FROM telemetry_sample t WHERE t.vehicle_id = g.vehicle_id
            AND t.latitude_e7 IS NOT NULL AND t.recorded_at < g.lo
            AND t.recorded_at >= g.lo - interval '{LOOK_AROUND.days} days'
            AND t.recorded_at BETWEEN %(first)s AND %(last)s
            ORDER BY t.recorded_at DESC LIMIT 1), g.lo) AS scan_from, coalesce(
        (SELECT t.recorded_at FROM telemetry_sample t WHERE t.vehicle_id = g.vehicle_id
            AND t.latitude_e7 IS NOT NULL AND t.recorded_at >= g.hi
            AND t.recorded_at <= g.hi + interval '{LOOK_AROUND.days} days'
            AND t.recorded_at BETWEEN %(first)s AND %(last)s
            ORDER BY t.recorded_at LIMIT 1), g.hi) AS scan_to,
        EXISTS (SELECT FROM telemetry_hiredrun r WHERE r.vehicle_id = g.vehicle_id
            AND r.starts_at < g.lo AND r.ends_at >= g.lo) AS hired_before
    FROM unnest(%(vehicles)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS g (vehicle_id, lo, hi, n)
    OFFSET 0
)"""

_MEASURE = f"""
WITH steps AS ({legs.steps(_WINDOWS, more="w.lo AS lo_at, w.hi AS hi_at")}),
s AS (
    SELECT *, round(date_part('epoch', lo_at) * 1000) AS lo,
        round(date_part('epoch', hi_at) * 1000) AS hi
    FROM steps
), parts AS (
    SELECT s.*,
        CASE WHEN s.leg_ms IS NOT NULL AND NOT s.jump AND s.t > s.lo AND s.fix_t < s.hi
            THEN {_LEG_SHARE} END AS leg,
        CASE WHEN s.ms <= 604800000 AND s.t > s.lo AND s.before_t < s.hi
            THEN least(s.t, s.hi) - greatest(s.before_t, s.lo) END AS span,
        CASE WHEN s.t > s.lo AND s.before_t < s.hi THEN {_ENERGY_SHARE} END AS energy,
        CASE
            WHEN s.charging AND s.ms <= 3600000 THEN 'c'
            WHEN s.ms > 600000 THEN 'o'
            WHEN s.moving THEN 'd'
            ELSE 'i'
        END AS doing
    FROM s
)
SELECT s.window_id, {_km("NOT gap")}, {_km("gap")}, {_km("hired_leg")},
    {_seconds("doing = 'd'")}, {_seconds("doing = 'i'")}, {_seconds("doing = 'c'")},
    {_seconds("doing = 'o'")}, {_seconds("hired_time")},
    round(sum(energy) FILTER (WHERE energy >= 0) / 1000)::int,
    round(-sum(energy) FILTER (WHERE energy < 0) / 1000)::int,
    {_soc("min")}, {_soc("max")}, count(*) FILTER (WHERE {_IN})::int
FROM parts s GROUP BY s.window_id
"""
