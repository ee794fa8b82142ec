"""Tables of shifts, by noun: shifts, proposals, metrics, platforms."""

from shifts.models.metrics import MetricsMethod, MetricsRequest, ShiftMetrics
from shifts.models.platforms import (
    NOT_INCOME,
    EntryKind,
    Platform,
    PlatformAccount,
    PlatformDriver,
    PlatformEntry,
)
from shifts.models.proposals import (
    PROPOSAL_MACHINE,
    ProposalState,
    ShiftProposal,
    ShiftProposalEvent,
)
from shifts.models.shifts import (
    RUNNING,
    SHIFT_MACHINE,
    UNWORKED,
    WORKED,
    CloseReason,
    Shift,
    ShiftBreak,
    ShiftEvent,
    ShiftStatus,
    ShiftStint,
)

__all__ = [
    "NOT_INCOME",
    "PROPOSAL_MACHINE",
    "RUNNING",
    "SHIFT_MACHINE",
    "UNWORKED",
    "WORKED",
    "CloseReason",
    "EntryKind",
    "MetricsMethod",
    "MetricsRequest",
    "Platform",
    "PlatformAccount",
    "PlatformDriver",
    "PlatformEntry",
    "ProposalState",
    "Shift",
    "ShiftBreak",
    "ShiftEvent",
    "ShiftMetrics",
    "ShiftProposal",
    "ShiftProposalEvent",
    "ShiftStatus",
    "ShiftStint",
]
