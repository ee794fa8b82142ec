"""Quarters to vehicles' local days, handed to `vehicles.services.record_days`.

A company, or its depot, whose zone is none has no days until that is mended (and the time is made
again by `manage.py rebuild_telemetry`): it is told so, and everybody else's days are summed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from vehicles.models import Vehicle
from vehicles.services import DayRow, record_days
from voltop import clock, jobs

_SUM = """
WITH d AS (
    SELECT * FROM unnest(%s::bigint[], %s::date[], %s::timestamptz[], %s::timestamptz[])
        AS d (vehicle_id, day, starts_at, ends_at)
)
SELECT t.provider_id, d.vehicle_id, d.day, sum(b.km), sum(b.gap_km), sum(b.occupied_km),
    sum(b.driving_s), sum(b.idle_s), sum(b.charging_s), sum(b.offline_s), sum(b.occupied_s),
    sum(b.used_wh), sum(b.charged_wh), min(b.soc_min_pct), max(b.soc_max_pct), sum(b.samples),
    (SELECT count(*) FROM telemetry_trip p WHERE p.vehicle_id = d.vehicle_id
        AND p.provider_id = t.provider_id
        AND p.starts_at >= d.starts_at AND p.starts_at < d.ends_at)
FROM d
JOIN telemetry_bucket b ON b.vehicle_id = d.vehicle_id
    AND b.starts_at >= d.starts_at AND b.starts_at < d.ends_at
JOIN vehicles_vehicletenure t ON t.vehicle_id = d.vehicle_id
    AND t.starts_at <= b.starts_at AND (t.ends_at IS NULL OR t.ends_at > b.starts_at)
GROUP BY t.provider_id, d.vehicle_id, d.day, d.starts_at, d.ends_at
"""


def record_vehicle_days(cursor: Any) -> None:
    """Sum the local days that the windows' quarters and trips touch, and hand them over."""
    cursor.execute(
        "SELECT vehicle_id, least(bucket_lo, trip_lo), greatest(bucket_hi, trip_hi)"
        " FROM telemetry_window"
    )
    spans = cursor.fetchall()
    zones = _zones(vehicle_id for vehicle_id, _, _ in spans)
    days = [
        (vehicle_id, on, *clock.day_bounds(on, zones[vehicle_id]))
        for vehicle_id, first, last in spans
        if vehicle_id in zones
        for on in _dates(first, last, zones[vehicle_id])
    ]
    if not days:
        return
    cursor.execute(_SUM, [list(column) for column in zip(*days, strict=True)])
    lengths = {
        (vehicle_id, on): (end - start).seconds + (end - start).days * 86_400
        for vehicle_id, on, start, end in days
    }
    record_days([_day_row(row, zones, lengths) for row in cursor.fetchall()])


def _zones(vehicle_ids: Iterable[int]) -> dict[int, ZoneInfo]:
    """The zone of each vehicle's depot, else of its provider; not where that is none."""
    rows = (
        Vehicle.objects.unscoped()
        .filter(pk__in=set(vehicle_ids))
        .values_list("pk", "provider_id", "depot__time_zone", "provider__time_zone")
    )
    zones: dict[int, ZoneInfo] = {}
    strange: dict[int, Exception] = {}
    for pk, provider_id, depot, provider in rows:
        try:
            zones[pk] = clock.zone(depot or provider)
        except clock.UnknownTimezone as error:
            strange[provider_id] = error
    for provider_id, cause in strange.items():
        jobs.tell_failed("telemetry.vehicle_days", provider_id, cause)
    return zones


def _dates(first: datetime, last: datetime, zone: ZoneInfo) -> Iterable[Any]:
    """The local dates that [first, last) touches."""
    on, final = clock.local_date(first, zone), clock.local_date(last - timedelta.resolution, zone)
    while on <= final:
        yield on
        on += timedelta(days=1)


def _day_row(row: tuple[Any, ...], zones: dict[int, ZoneInfo], lengths: dict[Any, int]) -> DayRow:
    (provider_id, vehicle_id, on, km, gap_km, paid_km, driving, idle, charging, offline, paid) = (
        row[:11]
    )
    used_wh, charged_wh, soc_min, soc_max, samples, trips = row[11:]
    return DayRow(
        provider_id=provider_id,
        vehicle_id=vehicle_id,
        on=on,
        time_zone=zones[vehicle_id].key,
        day_s=lengths[vehicle_id, on],
        km=Decimal(km),
        gap_km=Decimal(gap_km),
        paid_km=Decimal(paid_km),
        driving_s=driving,
        idle_s=idle,
        charging_s=charging,
        offline_s=offline,
        paid_s=paid,
        covered_s=driving + idle + charging,
        used_wh=used_wh,
        charged_wh=charged_wh,
        soc_min_pct=soc_min,
        soc_max_pct=soc_max,
        trips=trips,
        samples=samples,
    )
