"""What is said to a bank and what a bank says, whatever the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instruction:
    """Pay this once. `key` is the idempotency key; `reference`, the payment in the bank's book."""

    key: str
    reference: str
    amount: Decimal
    currency: str
    holder: str
    kind: str
    details: Mapping[str, str]


class Answer(StrEnum):
    """`unknown`: no usable answer, it may or may not have been booked. `unheard`: the bank has
    never seen the key, so the same instruction may be sent again under the same key."""

    SETTLED = "settled"
    REFUSED = "refused"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    UNHEARD = "unheard"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the bank says of one key; `reason` is the bank's own, or why nothing is known."""

    answer: Answer
    bank_ref: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the bank's book."""

    seq: int
    kind: str
    key: str
    bank_ref: str
    reference: str
    amount: Decimal
    currency: str
    reason: str
    booked_at: datetime


class Gateway(Protocol):
    """A bank. Nothing here raises for what a bank or a wire may do: that is an Outcome."""

    def submit(self, instruction: Instruction) -> Outcome:
        """Hand a payout over."""

    def ask(self, instruction: Instruction) -> Outcome:
        """What became of a key."""

    def movements(self, after: int) -> tuple[list[Movement], int | None]:
        """A page of the book after number `after`, and where to go on (None at the end).

        Raises BankUnreachable.
        """
