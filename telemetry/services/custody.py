"""Who held the vehicles of the windows, and for which company: for attribution by time."""

from collections.abc import Sequence
from typing import Any

from vehicles.selectors import holder_intervals, tenure_intervals

_TENURE = """
CREATE TEMPORARY TABLE telemetry_tenure ON COMMIT DROP AS
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS t (vehicle_id, provider_id, starts_at, ends_at)
"""
_HOLDER = """
CREATE TEMPORARY TABLE telemetry_holder ON COMMIT DROP AS
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS h (vehicle_id, driver_id, starts_at, ends_at)
"""


def make_custody(cursor: Any) -> None:
    """Make `telemetry_tenure` (provider) and `telemetry_holder` (driver) for the windows' time."""
    cursor.execute("DROP TABLE IF EXISTS telemetry_tenure, telemetry_holder")
    cursor.execute(
        "SELECT array_agg(vehicle_id), min(scan_from), max(scan_to) FROM telemetry_window"
    )
    vehicle_ids, first, last = cursor.fetchone()
    cursor.execute("SELECT %s::timestamptz + interval '1 microsecond'", [last])
    end = cursor.fetchone()[0]
    tenures = tenure_intervals(vehicle_ids, first, end)
    cursor.execute(_TENURE, _columns(tenures, "vehicle_id", "provider_id", "starts_at", "ends_at"))
    holders = [h for h in holder_intervals(vehicle_ids, first, end) if h.driver_id is not None]
    cursor.execute(_HOLDER, _columns(holders, "vehicle_id", "driver_id", "starts_at", "ends_at"))


def _columns(rows: Sequence[Any], *names: str) -> list[list[Any]]:
    return [[getattr(row, name) for row in rows] for name in names]
