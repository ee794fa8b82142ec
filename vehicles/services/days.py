"""The one writer of `VehicleDay`: what telemetry has summed for vehicles and local days."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from voltop import wire


class DayRow(NamedTuple):
    """One vehicle's day at one provider; units as in `VehicleDay`."""

    provider_id: int
    vehicle_id: int
    on: date
    time_zone: str
    day_s: int
    km: Decimal
    gap_km: Decimal
    paid_km: Decimal
    driving_s: int
    idle_s: int
    charging_s: int
    offline_s: int
    paid_s: int
    covered_s: int
    used_wh: int | None
    charged_wh: int | None
    soc_min_pct: Decimal | None
    soc_max_pct: Decimal | None
    trips: int
    samples: int


_KEY = ("provider_id", "vehicle_id", "on")
_TYPES = {"on": "date", "time_zone": "text", "provider_id": "int8", "vehicle_id": "int8"}


def _statement() -> str:
    quoted = [f'"{column}"' for column in DayRow._fields]
    values = [name for name in quoted if name.strip('"') not in _KEY]
    arrays = ", ".join(f"%b::{_type(column)}[]" for column in DayRow._fields)
    excluded = ", ".join(f"{name} = EXCLUDED.{name}" for name in values)
    return (  # built of the column names above, never of input
        f"INSERT INTO vehicles_vehicleday AS d ({', '.join(quoted)})"  # noqa: S608
        f" SELECT {', '.join(quoted)} FROM unnest({arrays}) AS new ({', '.join(quoted)})"
        ' ORDER BY vehicle_id, "on", provider_id'
        f' ON CONFLICT (vehicle_id, "on", provider_id) DO UPDATE SET {excluded}'
        f" WHERE ({', '.join('d.' + name for name in values)})"
        f" IS DISTINCT FROM ({', '.join('EXCLUDED.' + name for name in values)})"
    )


def _type(column: str) -> str:
    if column in _TYPES:
        return _TYPES[column]
    return "numeric" if column.endswith(("km", "_pct")) else "int4"


RECORD = _statement()


def record_days(rows: Sequence[DayRow]) -> None:
    """Write or rewrite days; a day told again with the same figures is not touched.

    One row per vehicle, day and provider. Runs in the caller's transaction.
    """
    if not rows:
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    with wire.raw_cursor(RECORD) as cursor:
        cursor.execute(RECORD, columns)
