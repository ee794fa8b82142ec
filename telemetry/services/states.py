"""From a batch's rows to the newest values of each vehicle (`vehicles.services.merge_states`)."""

from collections.abc import Sequence

from telemetry.samples import CHARGING_NAMES, FIRST_VALUE, VALUE_COLUMNS, Row, from_us
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


class _Newest:
    """The newest row of each group of values of one vehicle; rows come from the latest back."""

    __slots__ = (
        "activity",
        "charging",
        "last",
        "occupied",
        "odometer",
        "position",
        "since",
        "soc",
        "still",
    )

    def __init__(self, row: Row) -> None:
        self.last = row
        self.position: Row | None = None
        self.soc: Row | None = None
        self.odometer: Row | None = None
        self.charging: Row | None = None
        self.occupied: Row | None = None
        self.activity: Row | None = None
        self.since: Row | None = None
        self.still = True

    def add(self, row: Row) -> None:
        """Take an earlier row for every group that is still unknown."""
        if self.position is None and row[_LAT] is not None:
            self.position = row
        if self.soc is None and row[_SOC] is not None:
            self.soc = row
        if self.odometer is None and row[_ODOMETER] is not None:
            self.odometer = row
        if self.charging is None and row[_CHARGING] is not None:
            self.charging = row
        if self.occupied is None and row[_OCCUPIED] is not None:
            self.occupied = row
        if self.still:
            self._add_activity(row)

    def _add_activity(self, row: Row) -> None:
        """How far back the newest activity reaches."""
        activity = activity_of(row)
        if activity is None:
            return
        if self.activity is None:
            self.activity = self.since = row
        elif activity == activity_of(self.activity):
            self.since = row
        else:
            self.still = False


def merge_vehicle_states(rows: Sequence[Row]) -> None:
    """Hand the newest values of stored rows (sorted by vehicle and time) to their vehicles."""
    newest: dict[int, _Newest] = {}
    for row in reversed(rows):
        known = newest.get(row[0])
        if known is None:
            known = newest[row[0]] = _Newest(row)
        known.add(row)
    merge_states([_state_row(newest[vehicle_id]) for vehicle_id in sorted(newest)])


def _state_row(found: _Newest) -> StateRow:
    position, soc, odometer = found.position, found.soc, found.odometer
    charging, activity, since = found.charging, found.activity, found.since
    return StateRow(
        vehicle_id=found.last[0],
        last_seen_at=from_us(found.last[1]),
        position_at=from_us(position[1]) if position else None,
        latitude=position[_LAT] / 1e7 if position else None,
        longitude=position[_LON] / 1e7 if position else None,
        speed_kmh=_scaled(position, _SPEED, 10),
        heading_deg=_scaled(position, _HEADING, 10),
        soc_at=from_us(soc[1]) if soc else None,
        soc_pct=_scaled(soc, _SOC, 100),
        range_km=_scaled(soc, _RANGE, 10),
        odometer_at=from_us(odometer[1]) if odometer else None,
        odometer_km=_scaled(odometer, _ODOMETER, 1000),
        charging_at=from_us(charging[1]) if charging else None,
        charging=CHARGING_NAMES[charging[_CHARGING]] if charging else None,
        plugged=charging[_PLUGGED] if charging else None,
        battery_power_kw=_scaled(charging, _POWER, 1000),
        activity_at=from_us(activity[1]) if activity else None,
        activity=activity_of(activity) if activity else None,
        activity_since_at=from_us(since[1]) if since else None,
        occupied_at=from_us(found.occupied[1]) if found.occupied else None,
        occupied=found.occupied[_OCCUPIED] if found.occupied else None,
    )


def _scaled(row: Row | None, index: int, scale: int) -> float | None:
    if row is None or row[index] is None:
        return None
    return row[index] / scale
