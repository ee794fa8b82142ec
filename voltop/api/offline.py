"""What a phone queued while it had no network: many events in one request, each applied once.

Each app says in its `offline.py` which of a driver's own operations may be queued, and calls the
same service as the operation does, for the same permission. An event has a key of its own, its
`client_id`, kept with its answer like an Idempotency-Key (`voltop.api.idempotency`) in the
transaction of the event: sent again, also at the same moment, it is answered alike and nothing
happens twice. Events are taken in the order in which they happened, each in a transaction of its
own, so that one that is refused spoils no other.

An answer's `status`: `done`; `refused` (for good: the phone tells its owner and lets go); `later`
(an earlier event is still to come, or somebody else is at it: the phone keeps it and sends it
again). Not here: what an event means, and which of its two times counts.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, models, transaction
from rest_framework.exceptions import ValidationError

from voltop import registry
from voltop.api import errors, idempotency
from voltop.api.bulk import BulkRow
from voltop.api.database_errors import RETRY_STATES, sqlstate
from voltop.api.exceptions import as_domain_error, problem, validation_problem
from voltop.api.permissions import PERSON, Principal
from voltop.api.renderers import render_json
from voltop.api.serializers import Serializer
from voltop.context import Actor
from voltop.errors import DomainError, PermissionDenied
from voltop.tables import IdempotencyKey

logger = logging.getLogger("voltop.api")

MOST_EVENTS = 50
AHEAD = timedelta(minutes=5)
CLOCK_OFF = timedelta(seconds=30)
ROUTE = "/api/v1/me/sync"
KEY = "sync:"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event of a phone: when it happened by the phone, put right by how its clock stands, and
    when it arrived.
    """

    client_id: str
    occurred_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class OfflineKind:
    """One kind of event: `take(driver, actor, values, occurrence)` gives the row that it is about.

    `shape` judges the event's `data`; `oldest` is how long ago it may have happened;
    `waits_for` are the errors that say that an earlier event has not arrived yet.
    """

    name: str
    permission: str
    shape: type[Serializer]
    take: Callable[[Any, Actor, dict[str, Any], Occurrence], models.Model]
    oldest: timedelta = idempotency.KEPT_FOR
    waits_for: tuple[type[DomainError], ...] = ()


def kinds() -> dict[str, OfflineKind]:
    """Every kind of event that any app takes, by name."""
    return {
        kind.name: kind
        for found in registry.collect(registry.OFFLINE_KINDS).values()
        for kind in found()
    }


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as whom, and what serializers want to know of the request."""

    driver: Any
    caller: Principal
    context: Mapping[str, Any]


def answer_events(
    sender: Sender, rows: Sequence[BulkRow], *, sent_at: datetime | None, at: datetime
) -> list[dict[str, Any]]:
    """An answer per row, in the order of the rows; taken in the order of `occurred_at`.

    `sent_at` is what the phone's clock showed when it sent: by how much it is off (more than 30 s)
    its times are put right.
    """
    off = at - sent_at if sent_at is not None else timedelta()
    off = off if abs(off) > CLOCK_OFF else timedelta()
    answers: list[dict[str, Any]] = [{}] * len(rows)
    valid: list[tuple[datetime, int, dict[str, Any]]] = []
    for index, row in enumerate(rows):
        if row.values is None:
            answers[index] = _refusal(row.problem or {})
        else:
            valid.append((row.values["occurred_at"] + off, index, row.values))
    for occurred_at, index, values in sorted(valid, key=lambda item: item[:2]):
        occurrence = Occurrence(values["client_id"], occurred_at, at)
        answers[index] = _answer(sender, values, occurrence)
    return answers


def _answer(sender: Sender, values: dict[str, Any], occurrence: Occurrence) -> dict[str, Any]:
    """Take one event, in a transaction of its own; one that met another change is tried again."""
    attempts = 1 if connection.in_atomic_block else idempotency.ATTEMPTS
    for attempt in range(1, attempts + 1):
        try:
            with transaction.atomic():
                return _once(sender, values, occurrence)
        except _NotKept as outcome:
            return outcome.answer
        except DatabaseError as error:
            if sqlstate(error) not in RETRY_STATES or attempt == attempts:
                return _refusal_of(error, None)
        except DomainError as error:
            return _refusal_of(error, None)
    raise AssertionError("the last attempt returns")


class _NotKept(Exception):
    """Carries an answer that is not kept out of the transaction, which it rolls back."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer


def _once(sender: Sender, values: dict[str, Any], occurrence: Occurrence) -> dict[str, Any]:
    actor = sender.caller.actor()
    row, is_new = idempotency.claim(actor, ROUTE, KEY + occurrence.client_id, _digest(values))
    if not is_new:
        kept: dict[str, Any] = json.loads(idempotency.opened(row))
        return kept
    kind = kinds().get(values["kind"])
    try:
        with transaction.atomic():
            found = _take(kind, sender, actor, values, occurrence)
            idempotency.settle_constraints()
    except Exception as error:
        if sqlstate(error) in RETRY_STATES:
            raise
        answer = _refusal_of(error, kind)
        if not _is_kept(error):
            raise _NotKept(answer) from error
        _keep(row, 400, answer)
        return answer
    answer = _answer_of("done", found.pk, {})
    _keep(row, 200, answer)
    return answer


def _take(
    kind: OfflineKind | None,
    sender: Sender,
    actor: Actor,
    values: dict[str, Any],
    occurrence: Occurrence,
) -> models.Model:
    """Raises UnknownOfflineKind, EventInFuture, EventTooOld, and what the service raises."""
    if kind is None:
        raise errors.UnknownOfflineKind(field="kind", known=sorted(kinds()))
    if kind.permission != PERSON and not sender.caller.has_perm(kind.permission):
        raise PermissionDenied(permission=kind.permission)
    if occurrence.occurred_at > occurrence.at + AHEAD:
        raise errors.EventInFuture(field="occurred_at")
    if occurrence.occurred_at < occurrence.at - kind.oldest:
        hours = kind.oldest // timedelta(hours=1)
        raise errors.EventTooOld(field="occurred_at", oldest_h=hours)
    shape = kind.shape(data=values.get("data", {}), context=sender.context)
    shape.is_valid(raise_exception=True)
    return kind.take(sender.driver, actor, shape.validated_data, occurrence)


def _digest(values: dict[str, Any]) -> bytes:
    """What makes two events the same: kind, time and data."""
    told = [values["kind"], values["occurred_at"].isoformat(), values.get("data", {})]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()


def _is_kept(error: Exception) -> bool:
    """Whether the refusal is the event's own fault, and so the same for ever."""
    if isinstance(error, (errors.UnknownOfflineKind, errors.EventInFuture)):
        return False
    return isinstance(error, ValidationError) or as_domain_error(error).status == 400


def _keep(row: IdempotencyKey, status: int, answer: dict[str, Any]) -> None:
    row.status, row.body = status, idempotency.sealed(row, render_json(answer))
    row.save(update_fields=["status", "body"])


# --- Answers -------------------------------------------------------------------------------------
def _answer_of(status: str, key: int | None, document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": status,
        "id": key,
        "code": document.get("code", ""),
        "detail": document.get("detail", ""),
        "errors": document.get("errors", []),
        "extra": document.get("extra", {}),
    }


def _refusal(document: Mapping[str, Any], status: str = "refused") -> dict[str, Any]:
    """The answer of a problem document."""
    return _answer_of(status, None, document)


def _refusal_of(error: Exception, kind: OfflineKind | None) -> dict[str, Any]:
    if isinstance(error, ValidationError):
        document = validation_problem(error)
        items = [{**item, "field": f"data.{item['field']}"} for item in document["errors"]]
        return _refusal({**document, "errors": items})
    found = as_domain_error(error)
    if isinstance(found, errors.InternalError):
        logger.error("unexpected error in an event", exc_info=error)
    if isinstance(found, errors.DatabaseUnavailable):
        raise error
    waits = kind is not None and isinstance(found, kind.waits_for)
    busy = found.status >= 429 or isinstance(found, errors.IdempotencyInProgress)
    return _refusal(problem(found), "later" if waits or busy else "refused")
