"""Tables of drivers, by noun: drivers and their engagements, papers, faces, payout accounts."""

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
from drivers.models.faces import (
    GOOD,
    FaceCheck,
    FacePurpose,
    FaceResult,
    FaceTemplate,
    Liveness,
)
from drivers.models.payout_accounts import PayoutAccount, PayoutAccountKind

__all__ = [
    "DOCUMENT_MACHINE",
    "DRIVER_MACHINE",
    "GOOD",
    "DocumentStatus",
    "Driver",
    "DriverDocument",
    "DriverDocumentEvent",
    "DriverEvent",
    "DriverStatus",
    "Engagement",
    "EngagementKind",
    "FaceCheck",
    "FacePurpose",
    "FaceResult",
    "FaceTemplate",
    "Liveness",
    "PayoutAccount",
    "PayoutAccountKind",
]
