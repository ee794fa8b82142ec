"""Giving trips and hired runs to whoever had the car, once who that was has changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from telemetry.models import HiredRun, Trip
from vehicles.selectors import holder_intervals

_LATEST = datetime(9999, 1, 1, tzinfo=UTC)

_GIVE = """
UPDATE {table} p SET driver_id = h.driver_id
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS h (driver_id, starts_at, ends_at)
WHERE p.vehicle_id = %s AND p.starts_at >= h.starts_at AND p.starts_at < h.ends_at
    AND p.driver_id IS DISTINCT FROM h.driver_id
"""


@transaction.atomic
def attribute_again(vehicle_id: int, start: datetime, end: datetime | None) -> int:
    """Bring the drivers of a vehicle's trips and runs that began in [start, end) in line with
    custody; how many changed. `end` None: from `start` on.
    """
    holders = holder_intervals([vehicle_id], start, end or _LATEST)
    columns: Sequence[Any] = [
        [holder.driver_id for holder in holders],
        [holder.starts_at for holder in holders],
        [holder.ends_at for holder in holders],
        vehicle_id,
    ]
    changed = 0
    with connection.cursor() as cursor:
        for model in (Trip, HiredRun):
            cursor.execute(_GIVE.format(table=model._meta.db_table), columns)
            changed += cursor.rowcount
    return changed
