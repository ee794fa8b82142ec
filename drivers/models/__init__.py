"""Tables of drivers, by noun: drivers and their engagements, payout accounts."""

from drivers.models.drivers import (
    DRIVER_MACHINE,
    Driver,
    DriverEvent,
    DriverStatus,
    Engagement,
    EngagementKind,
)
from drivers.models.payout_accounts import PayoutAccount, PayoutAccountKind

__all__ = [
    "DRIVER_MACHINE",
    "Driver",
    "DriverEvent",
    "DriverStatus",
    "Engagement",
    "EngagementKind",
    "PayoutAccount",
    "PayoutAccountKind",
]
