"""Tables of reservations, by noun: places, bookings, sessions."""

from reservations.models.bookings import (
    RESERVATION_MACHINE,
    CancelReason,
    Reservation,
    ReservationEvent,
    ReservationKind,
    ReservationStatus,
)
from reservations.models.places import (
    ChargingStation,
    Connector,
    ConnectorStandard,
    Evse,
    EvseStatus,
    HoldChannel,
    PowerType,
)
from reservations.models.sessions import ChargingSession, SessionSource

__all__ = [
    "RESERVATION_MACHINE",
    "CancelReason",
    "ChargingSession",
    "ChargingStation",
    "Connector",
    "ConnectorStandard",
    "Evse",
    "EvseStatus",
    "HoldChannel",
    "PowerType",
    "Reservation",
    "ReservationEvent",
    "ReservationKind",
    "ReservationStatus",
    "SessionSource",
]
