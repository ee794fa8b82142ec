"""The one writer of `VehicleState`: set-based, in vehicle order, safe in any order of arrival."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from voltop import wire

Instant = datetime | int
"""A time, or whole microseconds since PostgreSQL's epoch: the latter is what travels, and saves
a caller who has it anyway two conversions."""

PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class StateRow(NamedTuple):
    """The newest values of one vehicle in a batch, each group with its own time.

    A group whose `…_at` is None is left alone; within a group that has a time, None is a value
    ("measured without"). `activity_since_at` is where the batch's last run of that activity
    began. Positions in degrees, the rest in the unit of its name.
    """

    vehicle_id: int
    last_seen_at: Instant
    position_at: Instant | None = None
    latitude: float | None = None
    longitude: float | None = None
    speed_kmh: float | None = None
    heading_deg: float | None = None
    soc_at: Instant | None = None
    soc_pct: float | None = None
    range_km: float | None = None
    odometer_at: Instant | None = None
    odometer_km: float | None = None
    charging_at: Instant | None = None
    charging: str | None = None
    plugged: bool | None = None
    battery_power_kw: float | None = None
    activity_at: Instant | None = None
    activity: str | None = None
    activity_since_at: Instant | None = None
    occupied_at: Instant | None = None
    occupied: bool | None = None


GROUPS: dict[str, tuple[str, ...]] = {
    "position_at": ("latitude", "longitude", "speed_kmh", "heading_deg"),
    "soc_at": ("soc_pct", "range_km"),
    "odometer_at": ("odometer_km",),
    "charging_at": ("charging", "plugged", "battery_power_kw"),
    "activity_at": ("activity", "activity_since_at"),
    "occupied_at": ("occupied",),
}
_TYPES = {
    "vehicle_id": "int8",
    "charging": "text",
    "activity": "text",
    "plugged": "bool",
    "occupied": "bool",
}


def _type(column: str) -> str:
    return _TYPES.get(column, "timestamptz" if column.endswith("_at") else "float8")


def _newer(time: str) -> str:
    """The incoming group is at least as new as what is known, and of the present holder's time."""
    return f"new.{time} >= GREATEST(s.{time}, s.held_from)".replace("new.", "EXCLUDED.")


def _assignments() -> list[str]:
    found = [
        f"last_seen_at = CASE WHEN {_newer('last_seen_at')}"
        " THEN EXCLUDED.last_seen_at ELSE s.last_seen_at END"
    ]
    for time, values in GROUPS.items():
        for column in (time, *values):
            new = f"EXCLUDED.{column}"
            if column == "activity_since_at":  # the same activity goes on: it began before
                new = (
                    "CASE WHEN EXCLUDED.activity = s.activity"
                    " THEN s.activity_since_at ELSE EXCLUDED.activity_since_at END"
                )
            found.append(f"{column} = CASE WHEN {_newer(time)} THEN {new} ELSE s.{column} END")
    return found


def _statement() -> str:
    columns = ", ".join(StateRow._fields)
    values = f"{columns}, last_seen_at"
    arrays = ", ".join(f"%b::{_type(column)}[]" for column in StateRow._fields)
    any_newer = " OR ".join(_newer(time) for time in ("last_seen_at", *GROUPS))
    return (  # built of the column names above, never of input
        f"INSERT INTO vehicles_vehiclestate AS s ({columns}, held_from)"  # noqa: S608
        f" SELECT {values} FROM unnest({arrays}) AS new ({columns})"
        f" ON CONFLICT (vehicle_id) DO UPDATE SET {', '.join(_assignments())}"
        f" WHERE {any_newer}"
    )


MERGE = _statement()


def merge_states(rows: Sequence[StateRow]) -> None:
    """Take each group of each vehicle that is at least as new as what is known of it.

    One row per vehicle. Values from before the present holder's tenure are left out. One
    statement of binary arrays (a column without any value travels as NULL, which unnest pads),
    rows written in vehicle order, so that two batches never wait for each other in a circle.
    Runs in the caller's transaction.
    """
    if not rows:
        return
    sent = zip(*sorted(rows, key=itemgetter(0)), strict=True)
    columns = [_sent(name, values) for name, values in zip(StateRow._fields, sent, strict=True)]
    wire.execute(MERGE, columns)


def _sent(name: str, values: Sequence[Any]) -> wire.Array | None:
    """A column as it travels: None without any value, times as whole microseconds."""
    if name.endswith("_at"):
        values = [
            (value - PG_EPOCH) // _MICROSECOND if isinstance(value, datetime) else value
            for value in values
        ]
    return wire.array(values, _type(name))
