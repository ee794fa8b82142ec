"""What all baselines share: the limits of a sample, its row in the product's table, and the SQL.

As a good engineer would write it without the product: binary COPY into a temporary table, INSERT
… ON CONFLICT DO NOTHING in key order, and the newest sample of each vehicle into its state.
"""

from typing import Any

LIMITS: dict[str, tuple[float, float]] = {
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "altitude_m": (-1000, 10_000),
    "speed_kmh": (0, 400),
    "heading_deg": (0, 360),
    "accuracy_m": (0, 100_000),
    "odometer_km": (0, 2_000_000),
    "soc_pct": (0, 100),
    "range_km": (0, 3000),
    "battery_power_kw": (-2000, 2000),
    "battery_temp_c": (-60, 150),
    "outside_temp_c": (-90, 70),
}
CHARGING = {None: None, "none": 0, "ac": 1, "dc": 2}

COLUMNS = (
    "vehicle_id", "recorded_at", "received_at", "source_id", "latitude_e7", "longitude_e7",
    "odometer_m", "battery_power_w", "accuracy_dm", "altitude_m", "speed_kmh_x10",
    "heading_deg_x10", "soc_pct_x100", "range_km_x10", "battery_temp_c_x10",
    "outside_temp_c_x10", "charging", "plugged", "ignition", "occupied",
)  # fmt: skip
TYPES = (
    "int8", "timestamptz", "timestamptz", "int4", *["int4"] * 5, *["int2"] * 8, *["bool"] * 3,
)  # fmt: skip
_LIST = ", ".join(COLUMNS)
SOURCE_ID = 1

# Made once a connection: making it in every transaction would cost the catalogue dear.
MAKE_STAGING = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staging (LIKE telemetry_sample) ON COMMIT DELETE ROWS"
)
COPY = f"COPY staging ({_LIST}) FROM STDIN (FORMAT BINARY)"
INSERT = (
    f"INSERT INTO telemetry_sample ({_LIST}) SELECT {_LIST} FROM staging"
    " ORDER BY vehicle_id, recorded_at ON CONFLICT DO NOTHING"
)
_STATE = {
    "last_seen_at": "recorded_at",
    "position_at": "recorded_at",
    "latitude": "latitude_e7 / 1e7",
    "longitude": "longitude_e7 / 1e7",
    "speed_kmh": "speed_kmh_x10 / 10.0",
    "heading_deg": "heading_deg_x10 / 10.0",
    "soc_at": "recorded_at",
    "soc_pct": "soc_pct_x100 / 100.0",
    "odometer_at": "recorded_at",
    "odometer_km": "odometer_m / 1000.0",
    "charging_at": "recorded_at",
    "charging": "(ARRAY['none', 'ac', 'dc'])[charging + 1]",
    "battery_power_kw": "battery_power_w / 1000.0",
}
STATE = (
    f"INSERT INTO vehicles_vehiclestate AS s (vehicle_id, held_from, {', '.join(_STATE)})"
    f" SELECT DISTINCT ON (vehicle_id) vehicle_id, recorded_at, {', '.join(_STATE.values())}"
    " FROM staging ORDER BY vehicle_id, recorded_at DESC"
    " ON CONFLICT (vehicle_id) DO UPDATE SET "
    + ", ".join(f"{name} = EXCLUDED.{name}" for name in _STATE)
    + " WHERE s.last_seen_at IS NULL OR EXCLUDED.last_seen_at >= s.last_seen_at"
)


def row(sample: Any, received_at: Any) -> tuple[Any, ...]:
    """A validated sample as the table wants it: scaled whole numbers."""
    v = sample
    return (
        v.vehicle,
        v.recorded_at,
        received_at,
        SOURCE_ID,
        None if v.latitude is None else round(v.latitude * 1e7),
        None if v.longitude is None else round(v.longitude * 1e7),
        None if v.odometer_km is None else round(v.odometer_km * 1000),
        None if v.battery_power_kw is None else round(v.battery_power_kw * 1000),
        None if v.accuracy_m is None else round(v.accuracy_m * 10),
        None if v.altitude_m is None else round(v.altitude_m),
        None if v.speed_kmh is None else round(v.speed_kmh * 10),
        None if v.heading_deg is None else round(v.heading_deg * 10),
        None if v.soc_pct is None else round(v.soc_pct * 100),
        None if v.range_km is None else round(v.range_km * 10),
        None if v.battery_temp_c is None else round(v.battery_temp_c * 10),
        None if v.outside_temp_c is None else round(v.outside_temp_c * 10),
        CHARGING[v.charging],
        v.plugged,
        v.ignition,
        v.occupied,
    )
