"""The newest samples of a vehicle, to be read by people."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from vehicles.models import VehicleState, VehicleTenure

REACH = timedelta(days=7)

_READ = """
SELECT recorded_at, round(latitude_e7 / 1e7, 5), round(longitude_e7 / 1e7, 5),
    round(speed_kmh_x10 / 10.0, 1), round(soc_pct_x100 / 100.0, 1), round(odometer_m / 1000.0, 1),
    round(battery_power_w / 1000.0, 1),
    CASE charging WHEN 0 THEN 'none' WHEN 1 THEN 'ac' WHEN 2 THEN 'dc' END, ignition, occupied
FROM telemetry_sample
WHERE vehicle_id = %s AND recorded_at > %s AND recorded_at <= %s
ORDER BY recorded_at DESC LIMIT %s
"""


def latest_samples(
    vehicle_id: int, provider_id: int | None, limit: int
) -> list[tuple[datetime, Any]]:
    """The newest samples up to a week before the last one heard: time, position, km/h, SoC,
    odometer, power, charging, ignition, occupied. `provider_id` None sees all; a provider sees
    those of its present or last tenure.
    """
    last = VehicleState.objects.filter(vehicle_id=vehicle_id).values_list("last_seen_at", flat=True)
    until: datetime | None = last.first()
    if until is None:
        return []
    since = until - REACH
    if provider_id is not None:
        tenures = VehicleTenure.objects.for_provider(provider_id).filter(vehicle_id=vehicle_id)
        tenure = tenures.order_by("-starts_at").first()
        if tenure is None:
            return []
        since = max(since, tenure.starts_at - timedelta.resolution)
        until = min(until, tenure.ends_at - timedelta.resolution) if tenure.ends_at else until
    with connection.cursor() as cursor:
        cursor.execute(_READ, [vehicle_id, since, until, limit])
        return cursor.fetchall()
