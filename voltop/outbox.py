"""The outbox: what must happen outside the database because a change was committed.

`emit` writes a message in the transaction of the change; nothing is called before it commits and
nothing is lost after. A relay claims due messages one by one, calls the topic's handler outside
any transaction and marks the message. A relay that dies between call and mark leaves a message
that is delivered again under the same id, so handlers pass that id on and are idempotent.

Order: messages of one `object_key` go out one after the other, in the order of their ids, which
is the order of the commits as long as emitters of an object hold its row lock. A message that
fails is tried again with growing pauses and holds back its own object only, for at most some
tens of minutes; then it is dead, shown to staff, and the object goes on.

Not here: signatures, endpoints and their limits (webhooks), and jobs that people watch (`jobs`).
"""

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import connection, transaction
from django.db.models.functions import Now

from voltop import failpoints
from voltop.errors import DomainError
from voltop.tables import OutboxMessage

__all__ = ["Delivery", "OutboxMessage", "emit", "handler", "relay", "replay"]

logger = logging.getLogger(__name__)

RELAY_TASK = "voltop.outbox.relay"
LEASE_S = 60
MAX_ATTEMPTS = 12
MAX_CRASHES = 3
BACKOFF_CAP_S = 600

CLAIM = """
UPDATE voltop_outboxmessage SET
    attempts = attempts + 1,
    crashes = crashes + (lease_until IS NOT NULL)::int,
    lease_until = now() + %s * interval '1 second'
WHERE id = (
    SELECT due.id FROM voltop_outboxmessage due
    WHERE due.sent_at IS NULL AND due.dead_at IS NULL AND due.next_at <= now()
        AND (due.lease_until IS NULL OR due.lease_until < now())
        AND NOT EXISTS (
            SELECT FROM voltop_outboxmessage earlier
            WHERE earlier.object_key = due.object_key AND earlier.id < due.id
                AND earlier.sent_at IS NULL AND earlier.dead_at IS NULL
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


Handler = Callable[[Delivery], None]

_handlers: dict[str, Handler] = {}


def handler(topic: str) -> Callable[[Handler], Handler]:
    """Decorator: this function delivers the messages of `topic`.

    It returns once the outside has taken the message, within the lease of 60 s, and raises
    otherwise; a DomainError's `retry_after_s` is the least pause. It may run twice and at once.
    """

    def register(function: Handler) -> Handler:
        if _handlers.setdefault(topic, function) is not function:
            raise RuntimeError(f"outbox topic {topic} has two handlers")
        return function

    return register


def emit(
    *, topic: str, provider_id: int | None, object_key: str, payload: Mapping[str, Any]
) -> OutboxMessage:
    """Write a message in the caller's transaction; its commit rings the relay.

    `object_key` names what the order is kept for ("payments.payout:12"). The payload is JSON of
    ids and public facts: no secrets, no personal data that must be erasable.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a message is written in the transaction of its change")
    message = OutboxMessage.objects.create(
        topic=topic, provider_id=provider_id, object_key=object_key, payload=dict(payload)
    )
    if not any(entry[1] is ring for entry in connection.run_on_commit):
        transaction.on_commit(ring, robust=True)
    return message


def ring() -> None:
    """Wake a relay now. Losing the ring costs seconds: the sweep finds what is due."""
    try:
        current_app.send_task(RELAY_TASK, retry=False, expires=60)
    except Exception as error:  # a broker that is away must not fail what is already committed
        logger.warning("outbox: the ring was lost (%s), the sweep will do", type(error).__name__)


def relay(limit: int = 1000, budget_s: float = 60) -> int:
    """Deliver due messages until there is none, `limit` were tried or the time is used up.

    Any number of relays may run at once. Returns how many were delivered.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a relay calls outside any transaction")
    stop_at = time.monotonic() + budget_s
    delivered = 0
    for _ in range(limit):
        message = _claim()
        if message is None:
            break
        delivered += _deliver(message)
        if time.monotonic() >= stop_at:
            break
    return delivered


def replay(message_id: int) -> bool:
    """Give a dead message all its attempts again, under the same id; false if it is not dead."""
    dead = OutboxMessage.objects.filter(pk=message_id, dead_at__isnull=False)
    with transaction.atomic():
        revived = dead.update(dead_at=None, attempts=0, crashes=0, next_at=Now())
        transaction.on_commit(ring, robust=True)
    return bool(revived)


def _claim() -> OutboxMessage | None:
    """Lease the next due message; its attempt is counted before the work, a lost lease too."""
    with transaction.atomic():
        claimed = next(iter(OutboxMessage.objects.raw(CLAIM, [LEASE_S])), None)
        failpoints.hit("outbox.claim")
    failpoints.hit("outbox.claimed")
    return claimed


def _deliver(message: OutboxMessage) -> bool:
    if message.crashes >= MAX_CRASHES:
        _bury(message, f"the worker was lost {message.crashes} times")
        return False
    deliver = _handlers.get(message.topic, _no_handler)
    try:
        deliver(
            Delivery(
                id=message.uuid,
                topic=message.topic,
                provider_id=message.provider_id,
                object_key=message.object_key,
                payload=message.payload,
                attempt=message.attempts,
            )
        )
    except Exception as error:
        _postpone(message, error)
        return False
    failpoints.hit("outbox.called")
    # Whoever has the lease by now: it was delivered.
    OutboxMessage.objects.filter(pk=message.pk, sent_at=None).update(
        sent_at=Now(), dead_at=None, lease_until=None, last_error=""
    )
    failpoints.hit("outbox.marked")
    return True


def _postpone(message: OutboxMessage, error: Exception) -> None:
    reason, least_s = type(error).__name__, 0
    if isinstance(error, DomainError):
        reason, least_s = str(error), error.retry_after_s or 0
    unexpected = None if isinstance(error, DomainError) else error
    logger.warning(
        "outbox: %s attempt %d failed: %s", message.uuid, message.attempts, reason,
        exc_info=unexpected,
    )  # fmt: skip
    if message.attempts >= MAX_ATTEMPTS:
        _bury(message, reason)
        return
    pause_s = max(random.uniform(0, backoff_s(message.attempts)), least_s)  # noqa: S311
    _release(message, next_at=Now() + timedelta(seconds=pause_s), last_error=reason[:500])


def backoff_s(attempts: int) -> int:
    """The longest pause after so many failed attempts; the real one is anywhere below it."""
    return min(BACKOFF_CAP_S, 2**attempts)


def _bury(message: OutboxMessage, reason: str) -> None:
    logger.error("outbox: %s (%s) is dead: %s", message.uuid, message.topic, reason)
    _release(message, dead_at=Now(), last_error=reason[:500])


def _release(message: OutboxMessage, **columns: Any) -> None:
    """End our own lease; a message that meanwhile went to another relay is left alone."""
    OutboxMessage.objects.filter(
        pk=message.pk, attempts=message.attempts, sent_at=None, dead_at=None
    ).update(lease_until=None, **columns)


def _no_handler(delivery: Delivery) -> None:
    raise LookupError(f"no handler for {delivery.topic}")
