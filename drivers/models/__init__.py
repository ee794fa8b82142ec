"""Tables of drivers, by noun: drivers and their engagements, papers, payout accounts."""

from drivers.models.documents import (
    DOCUMENT_MACHINE,
    DocumentStatus,
    DriverDocument,
    DriverDocumentEvent,
)
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
    "DOCUMENT_MACHINE",
    "DRIVER_MACHINE",
    "DocumentStatus",
    "Driver",
    "DriverDocument",
    "DriverDocumentEvent",
    "DriverEvent",
    "DriverStatus",
    "Engagement",
    "EngagementKind",
    "PayoutAccount",
    "PayoutAccountKind",
]
