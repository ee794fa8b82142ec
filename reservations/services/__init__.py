"""Writes of reservations, by noun: places, bookings, sessions."""

from reservations.services.booking import book
from reservations.services.moves import (
    call_off_driver,
    call_off_vehicle,
    cancel,
    change_period,
    check_in,
    confirm,
    release_no_shows,
)
from reservations.services.places import (
    add_connector,
    add_evse,
    create_station,
    retire_station,
    set_evse_status,
    update_station,
)
from reservations.services.sessions import SessionRow, import_sessions

__all__ = [
    "SessionRow",
    "add_connector",
    "add_evse",
    "book",
    "call_off_driver",
    "call_off_vehicle",
    "cancel",
    "change_period",
    "check_in",
    "confirm",
    "create_station",
    "import_sessions",
    "release_no_shows",
    "retire_station",
    "set_evse_status",
    "update_station",
]
