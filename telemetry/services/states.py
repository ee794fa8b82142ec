"""From a batch's rows to the newest values of each vehicle (`vehicles.services.merge_states`)."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from telemetry.samples import CHARGING_NAMES, FIRST_VALUE, VALUE_COLUMNS, Row
from vehicles.services import StateRow, merge_states

MOVING_KMH_X10 = 30
"""From 3 km/h a car is driving: below that, positions of a standing one wander as fast."""

_AT = {column.name: FIRST_VALUE + i for i, column in enumerate(VALUE_COLUMNS)}
_LAT, _LON = _AT["latitude_e7"], _AT["longitude_e7"]
_SPEED, _HEADING = _AT["speed_kmh_x10"], _AT["heading_deg_x10"]
_SOC, _RANGE = _AT["soc_pct_x100"], _AT["range_km_x10"]
_ODOMETER, _POWER = _AT["odometer_m"], _AT["battery_power_w"]
_CHARGING, _PLUGGED = _AT["charging"], _AT["plugged"]
_IGNITION, _OCCUPIED = _AT["ignition"], _AT["occupied"]


def activity_of(row: Row) -> str | None:
    """What a sample alone says of the car; None where it says nothing."""
    if row[_CHARGING]:
        return "charging"
    speed = row[_SPEED]
    if speed is not None and speed >= MOVING_KMH_X10:
        return "driving"
    if row[_IGNITION] is not None:
        return "idle" if row[_IGNITION] else "parked"
    return None if speed is None else "idle"


def merge_vehicle_states(rows: Sequence[Row]) -> None:
    """Hand the newest values of stored rows (sorted by vehicle and time) to their vehicles."""
    merge_states([_state_of(list(own)) for _, own in groupby(rows, key=itemgetter(0))])


def _state_of(rows: list[Row]) -> StateRow:
    """The newest row of each group of values of one vehicle; times stay whole microseconds."""
    position, soc, odometer = _newest(rows, _LAT), _newest(rows, _SOC), _newest(rows, _ODOMETER)
    charging, occupied = _newest(rows, _CHARGING), _newest(rows, _OCCUPIED)
    activity, activity_at, since_at = _activity(rows)
    return StateRow(
        vehicle_id=rows[-1][0],
        last_seen_at=rows[-1][1],
        position_at=position[1] if position else None,
        latitude=position[_LAT] / 1e7 if position else None,
        longitude=position[_LON] / 1e7 if position else None,
        speed_kmh=_scaled(position, _SPEED, 10),
        heading_deg=_scaled(position, _HEADING, 10),
        soc_at=soc[1] if soc else None,
        soc_pct=_scaled(soc, _SOC, 100),
        range_km=_scaled(soc, _RANGE, 10),
        odometer_at=odometer[1] if odometer else None,
        odometer_km=_scaled(odometer, _ODOMETER, 1000),
        charging_at=charging[1] if charging else None,
        charging=CHARGING_NAMES[charging[_CHARGING]] if charging else None,
        plugged=charging[_PLUGGED] if charging else None,
        battery_power_kw=_scaled(charging, _POWER, 1000),
        activity_at=activity_at,
        activity=activity,
        activity_since_at=since_at,
        occupied_at=occupied[1] if occupied else None,
        occupied=occupied[_OCCUPIED] if occupied else None,
    )


def _newest(rows: list[Row], column: int) -> Row | None:
    """The last row that knows this column."""
    for row in reversed(rows):
        if row[column] is not None:
            return row
    return None


def _activity(rows: list[Row]) -> tuple[str | None, int | None, int | None]:
    """The newest activity, when it was seen last, and how far back it reaches."""
    newest, seen_at, since_at = None, None, None
    for row in reversed(rows):
        activity = activity_of(row)
        if activity is None:
            continue
        if newest is None:
            newest, seen_at = activity, row[1]
        elif activity != newest:
            break
        since_at = row[1]
    return newest, seen_at, since_at


def _scaled(row: Row | None, index: int, scale: int) -> float | None:
    if row is None or row[index] is None:
        return None
    return row[index] / scale
