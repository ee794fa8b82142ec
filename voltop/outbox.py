"""The outbox: what must happen outside the database because a change was committed.

`emit` writes a message in the transaction of the change; nothing is called before it commits and
nothing is lost after. A relay claims due messages one by one, calls the topic's handler outside
any transaction and marks the message. A relay that dies between call and mark leaves a message
that is delivered again under the same id, so handlers pass that id on and are idempotent.

Order: messages of one `object_key` go out one after the other, in the order of their ids, which
is the order of the commits as long as emitters of an object hold its row lock. A message that
fails is tried again with growing pauses, as its topic's `Retry` says, and holds back its own
object only, for at most some tens of minutes: then it is dead and shown to staff, or goes on being
tried while the object's later messages pass it by.

Lanes: messages that name a `lane` (one receiver's, who may be slow or away) are delivered one at a
time per lane by relays of their own (`voltop.lanes`), so that no receiver delays another, nor what
has no lane.

Not here: signatures, endpoints and their limits (webhooks), and jobs that people watch (`jobs`).
"""

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from voltop import failpoints, rings
from voltop.errors import DomainError
from voltop.tables import OutboxLane, OutboxMessage

__all__ = ["Delivery", "Draft", "OutboxMessage", "Retry", "Undeliverable", "emit", "emit_all",
           "forget", "handler", "relay", "replay"]  # fmt: skip

logger = logging.getLogger(__name__)

RELAY_TASK = "voltop.outbox.relay"
LANES_TASK = "voltop.outbox.relay_lanes"
LEASE_S = 60
MAX_CRASHES = 3
BACKOFF_CAP_S = 600

CLAIM = """
UPDATE voltop_outboxmessage SET
    attempts = attempts + 1,
    crashes = crashes + (lease_until IS NOT NULL)::int,
    lease_until = now() + %s * interval '1 second'
WHERE id = (
    SELECT due.id FROM voltop_outboxmessage due
    WHERE due.lane = %s AND due.sent_at IS NULL AND due.dead_at IS NULL AND due.next_at <= now()
        AND (due.lease_until IS NULL OR due.lease_until < now())
        AND NOT EXISTS (
            SELECT FROM voltop_outboxmessage earlier
            WHERE earlier.object_key = due.object_key AND earlier.id < due.id
                AND earlier.sent_at IS NULL AND earlier.dead_at IS NULL AND earlier.holds
        )
    ORDER BY due.next_at, due.id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a handler gets: `id` is the same in every attempt, `attempt` counts from 1."""

    id: UUID
    topic: str
    provider_id: int | None
    object_key: str
    payload: Any
    attempt: int


class Undeliverable(Exception):
    """Raised by a handler: trying again is of no use, the message is dead at once."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How a topic's failed messages come again.

    `pauses_s` are the pauses after the first, second … failed attempt, each times a random factor
    from `jitter`; a failure after the last is death. While the pauses so far add up to no more
    than `holds_s` a failing message holds back its object's later ones (None: until it is dead).
    """

    pauses_s: Sequence[float]
    jitter: tuple[float, float]
    holds_s: float | None = None

    def still_holds(self, attempts: int) -> bool:
        """Whether after so many failed attempts the object's later messages still wait."""
        return self.holds_s is None or sum(self.pauses_s[:attempts]) <= self.holds_s


def backoff_s(attempts: int) -> int:
    """The longest pause after so many failed attempts; the real one is anywhere below it."""
    return min(BACKOFF_CAP_S, 2**attempts)


DEFAULT_RETRY = Retry(tuple(backoff_s(n) for n in range(1, 12)), (0, 1))

Handler = Callable[[Delivery], None]
OnDead = Callable[[Delivery, str], None]


@dataclass(frozen=True, slots=True)
class _Topic:
    deliver: Handler
    retry: Retry = DEFAULT_RETRY
    on_dead: OnDead | None = None


_handlers: dict[str, _Topic] = {}


def handler(
    topic: str, *, retry: Retry = DEFAULT_RETRY, on_dead: OnDead | None = None
) -> Callable[[Handler], Handler]:
    """Decorator: this function delivers the messages of `topic`.

    It returns once the outside has taken the message, within the lease of 60 s, and raises
    otherwise; a DomainError's `retry_after_s` is the least pause. It may run twice and at once.
    `on_dead` is told, with the reason, in the transaction in which a message dies.
    """

    def register(function: Handler) -> Handler:
        if _handlers.setdefault(topic, _Topic(function, retry, on_dead)).deliver is not function:
            raise RuntimeError(f"outbox topic {topic} has two handlers")
        return function

    return register


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be written.

    `object_key` names what the order is kept for ("payments.payout:12"), `lane` the receiver who
    gets one message at a time, `not_before` when it is due. The payload is JSON of ids and public
    facts: no secrets, no personal data that must be erasable.
    """

    topic: str
    provider_id: int | None
    object_key: str
    payload: Mapping[str, Any]
    lane: str = ""
    not_before: datetime | None = None


def emit(
    *,
    topic: str,
    provider_id: int | None,
    object_key: str,
    payload: Mapping[str, Any],
    lane: str = "",
    not_before: datetime | None = None,
) -> OutboxMessage:
    """Write a message in the caller's transaction; its commit rings the relay. See `Draft`."""
    [message] = emit_all([Draft(topic, provider_id, object_key, payload, lane, not_before)])
    return message


def emit_all(drafts: Iterable[Draft]) -> list[OutboxMessage]:
    """Write messages in the caller's transaction, in their order; its commit rings the relays."""
    if not connection.in_atomic_block:
        raise RuntimeError("a message is written in the transaction of its change")
    drafts = list(drafts)
    messages = OutboxMessage.objects.bulk_create(
        OutboxMessage(
            topic=draft.topic,
            provider_id=draft.provider_id,
            object_key=draft.object_key,
            payload=dict(draft.payload),
            lane=draft.lane,
            **({} if draft.not_before is None else {"next_at": draft.not_before}),
        )
        for draft in drafts
    )
    lanes = sorted({draft.lane for draft in drafts} - {""})
    OutboxLane.objects.bulk_create(map(_lane, lanes), ignore_conflicts=True)
    if any(draft.lane == "" for draft in drafts):
        rings.on_commit(ring)
    if lanes:
        rings.on_commit(ring_lanes)
    return messages


def _lane(name: str) -> OutboxLane:
    return OutboxLane(name=name)


def ring() -> None:
    """Wake a relay now. Losing the ring costs seconds: the sweep finds what is due."""
    rings.ring_now(RELAY_TASK)


def ring_lanes() -> None:
    """Wake a relay of the lanes; like `ring`."""
    rings.ring_now(LANES_TASK)


def relay(limit: int = 1000, budget_s: float = 60) -> int:
    """Deliver due messages until there is none, `limit` were tried or the time is used up.

    Any number of relays may run at once. Returns how many were delivered.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a relay calls outside any transaction")
    stop_at = time.monotonic() + budget_s
    delivered = 0
    for _ in range(limit):
        message = claim()
        if message is None:
            break
        delivered += deliver(message)
        if time.monotonic() >= stop_at:
            break
    return delivered


def replay(message_id: int) -> bool:
    """Give a dead message all its attempts again, under the same id; false if it is not dead."""
    dead = OutboxMessage.objects.filter(pk=message_id, dead_at__isnull=False)
    with transaction.atomic():
        revived = dead.update(dead_at=None, attempts=0, crashes=0, holds=True, next_at=Now())
        rings.on_commit(ring)
        rings.on_commit(ring_lanes)
    return bool(revived)


def forget(message_ids: Sequence[int]) -> int:
    """Delete those of the messages that were sent or are dead; returns how many."""
    ended = OutboxMessage.objects.filter(pk__in=message_ids).exclude(sent_at=None, dead_at=None)
    deleted, _by_model = ended.delete()
    return deleted


def claim(lane: str = "") -> OutboxMessage | None:
    """Lease the lane's next due message; its attempt is counted before the work, a lost lease too.

    For relays only.
    """
    with transaction.atomic():
        claimed = next(iter(OutboxMessage.objects.raw(CLAIM, [LEASE_S, lane])), None)
        failpoints.hit("outbox.claim")
    failpoints.hit("outbox.claimed")
    return claimed


def deliver(message: OutboxMessage) -> bool:
    """Call the handler of a claimed message and mark what became of it. For relays only."""
    topic = _handlers.get(message.topic, _UNKNOWN)
    if message.crashes >= MAX_CRASHES:
        _bury(message, topic, f"the worker was lost {message.crashes} times")
        return False
    try:
        topic.deliver(_delivery(message))
    except Undeliverable as error:
        _bury(message, topic, str(error))
        return False
    except Exception as error:
        _postpone(message, topic, error)
        return False
    failpoints.hit("outbox.called")
    # Whoever has the lease by now: it was delivered.
    OutboxMessage.objects.filter(pk=message.pk, sent_at=None).update(
        sent_at=Now(), dead_at=None, lease_until=None, last_error=""
    )
    failpoints.hit("outbox.marked")
    return True


def _delivery(message: OutboxMessage) -> Delivery:
    return Delivery(
        id=message.uuid,
        topic=message.topic,
        provider_id=message.provider_id,
        object_key=message.object_key,
        payload=message.payload,
        attempt=message.attempts,
    )


def _postpone(message: OutboxMessage, topic: _Topic, error: Exception) -> None:
    reason, least_s = type(error).__name__, 0
    if isinstance(error, DomainError):
        reason, least_s = str(error), error.retry_after_s or 0
    unexpected = None if isinstance(error, DomainError) else error
    logger.warning(
        "outbox: %s attempt %d failed: %s", message.uuid, message.attempts, reason,
        exc_info=unexpected,
    )  # fmt: skip
    retry = topic.retry
    if message.attempts > len(retry.pauses_s):
        _bury(message, topic, reason)
        return
    factor = random.uniform(*retry.jitter)  # noqa: S311
    pause_s = max(retry.pauses_s[message.attempts - 1] * factor, least_s)
    _release(
        message,
        next_at=Now() + timedelta(seconds=pause_s),
        last_error=reason[:500],
        holds=retry.still_holds(message.attempts),
    )


def _bury(message: OutboxMessage, topic: _Topic, reason: str) -> None:
    logger.error("outbox: %s (%s) is dead: %s", message.uuid, message.topic, reason)
    with transaction.atomic():
        died = _release(message, dead_at=Now(), last_error=reason[:500])
        if died and topic.on_dead is not None:
            topic.on_dead(_delivery(message), reason)


def _release(message: OutboxMessage, **columns: Any) -> bool:
    """End our own lease; a message that meanwhile went to another relay is left alone."""
    released = OutboxMessage.objects.filter(
        pk=message.pk, attempts=message.attempts, sent_at=None, dead_at=None
    ).update(lease_until=None, **columns)
    return bool(released)


def _no_handler(delivery: Delivery) -> None:
    raise LookupError(f"no handler for {delivery.topic}")


_UNKNOWN = _Topic(_no_handler)
