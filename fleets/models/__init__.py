"""Tables of fleets, by noun: providers, people, inbox, notices, audit, tokens, imports …"""

from fleets.models.audit import AuditEntry, AuditSeal
from fleets.models.base import ProviderModel
from fleets.models.codes import Channel, CodePurpose, OneTimeCode
from fleets.models.imports import DataImport, DataImportProblem
from fleets.models.inbox import InboxItem, InboxState
from fleets.models.notices import (
    NOTICE_MACHINE,
    Notice,
    NoticeChannel,
    NoticeChoice,
    NoticeDelivery,
    NoticeStatus,
)
from fleets.models.people import Membership, Role, User
from fleets.models.providers import (
    BEGINNING,
    Depot,
    FleetPolicy,
    FleetProvider,
    FleetProviderEvent,
    FleetProviderStatus,
)
from fleets.models.refs import ExternalRef
from fleets.models.second_factor import RecoveryCode, SecondFactor
from fleets.models.socket_tickets import SocketTicket
from fleets.models.tokens import (
    ApiAccessToken,
    ApiClient,
    AttemptWindow,
    RefreshFamily,
    RefreshToken,
    RevokeReason,
)
from fleets.models.webhooks import (
    DELIVERY_MACHINE,
    ENDPOINT_MACHINE,
    DeliveryStatus,
    EndpointStatus,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointEvent,
)
from fleets.papers import DriverPaper

__all__ = [
    "BEGINNING",
    "DELIVERY_MACHINE",
    "ENDPOINT_MACHINE",
    "NOTICE_MACHINE",
    "ApiAccessToken",
    "ApiClient",
    "AttemptWindow",
    "AuditEntry",
    "AuditSeal",
    "Channel",
    "CodePurpose",
    "DataImport",
    "DataImportProblem",
    "DeliveryStatus",
    "Depot",
    "DriverPaper",
    "EndpointStatus",
    "ExternalRef",
    "FleetPolicy",
    "FleetProvider",
    "FleetProviderEvent",
    "FleetProviderStatus",
    "InboxItem",
    "InboxState",
    "Membership",
    "Notice",
    "NoticeChannel",
    "NoticeChoice",
    "NoticeDelivery",
    "NoticeStatus",
    "OneTimeCode",
    "ProviderModel",
    "RecoveryCode",
    "RefreshFamily",
    "RefreshToken",
    "RevokeReason",
    "Role",
    "SecondFactor",
    "SocketTicket",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEndpointEvent",
]
