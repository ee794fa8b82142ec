"""The wrapper of requests that carry an Idempotency-Key: done once, answered alike every time.

    atomic {
        insert the key            a twin waits here until this transaction ends, then replays
        savepoint { the view; SET CONSTRAINTS ALL IMMEDIATE, then DEFERRED }
        store the answer
    }

An answer of 400 or more rolls the savepoint back. 2xx and 400 are stored and replayed with
`Idempotent-Replayed: true`; after anything else the whole transaction is rolled back and the key
is free again. As key and effect commit together, a process killed at any point leaves both or
neither. The answer is kept sealed. Not here: which routes want a key (`voltop.api.views`).
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from voltop import clock, crypto, failpoints, jobs
from voltop.api import errors
from voltop.api.database_errors import LOCK_NOT_AVAILABLE, RETRY_STATES, sqlstate
from voltop.context import Actor
from voltop.tables import IdempotencyKey

if TYPE_CHECKING:
    from voltop.api.views import StrictView

ATTEMPTS = 3
KEPT_FOR = timedelta(days=30)
REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("ETag", "Location")
SUBJECT = "voltop.answers"
"""The key of a company's answers, which say of people what only some may see."""
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def body_context(pk: UUID) -> str:
    """What a kept answer is bound to."""
    return f"voltop_idempotencykey|body|{pk}"


class _NotStored(Exception):
    """Carries an answer that must not be kept out of the transaction, which it rolls back."""

    def __init__(self, response: Response, cause: Exception | None) -> None:
        self.response, self.cause = response, cause


def read_key(request: HttpRequest, mode: str) -> str | None:
    """The request's key, None without one. Raises IdempotencyKeyRequired, …Refused, …Invalid."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        if mode == "required":
            raise errors.IdempotencyKeyRequired()
        return None
    if mode == "refused":
        raise errors.IdempotencyKeyRefused()
    if not _KEY.fullmatch(key):
        raise errors.IdempotencyKeyInvalid()
    return key


def perform(view: "StrictView", key: str, run: Callable[[], Response]) -> HttpResponse:
    """Run the request once for its key, or replay its answer.

    A transaction that the database gives up in favour of another (deadlock, serialization) is run
    again, up to three times in all. Raises IdempotencyInProgress (409), IdempotencyKeyReused (422).
    """
    digest = request_digest(view)
    may_retry = not connection.in_atomic_block
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                response = _once(view, key, digest, run)
            failpoints.hit("idempotency.committed")
            return response
        except _NotStored as outcome:
            again = outcome.cause is not None and sqlstate(outcome.cause) in RETRY_STATES
            if not (again and may_retry and attempt < ATTEMPTS):
                return outcome.response
    raise AssertionError("the last attempt returns")


def request_digest(view: "StrictView") -> bytes:
    """SHA-256 over what makes two requests the same: route with its query, and body."""
    request = view.request._request
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.sha256(head + view.read_body()).digest()


def _once(view: "StrictView", key: str, digest: bytes, run: Callable[[], Response]) -> HttpResponse:
    row, is_new = claim(view.actor, view.request._request.path, key, digest)
    if not is_new:
        return _replay(row)
    response, cause = _run_in_savepoint(view, run)
    response = view.finalize_response(view.request, response)
    response.render()
    if not (200 <= response.status_code < 300 or response.status_code == 400):
        raise _NotStored(response, cause)
    row.status = response.status_code
    row.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    row.body = sealed(row, response.content)
    row.save(update_fields=["status", "headers", "body"])
    failpoints.hit("idempotency.stored")
    return response


def sealed(row: IdempotencyKey, content: bytes) -> bytes:
    """An answer as its row keeps it."""
    return crypto.encrypt(
        subject=SUBJECT,
        provider_id=row.provider_id,
        context=body_context(row.pk),
        plaintext=content,
    )


def opened(row: IdempotencyKey) -> bytes:
    """The answer that a row keeps."""
    return crypto.decrypt(
        subject=SUBJECT,
        provider_id=row.provider_id,
        context=body_context(row.pk),
        ciphertext=bytes(row.body),
    )


def claim(actor: Actor, path: str, key: str, digest: bytes) -> tuple[IdempotencyKey, bool]:
    """Insert the key, or find the finished twin's row after waiting for it to end.

    Raises IdempotencyInProgress (409), IdempotencyKeyReused (422).
    """
    names = {"provider_id": actor.provider_id, "actor": str(actor), "key": key}
    row = IdempotencyKey(**names, route=f"POST {path[:290]}", request_sha256=digest)
    try:
        with transaction.atomic():
            IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
    except OperationalError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise errors.IdempotencyInProgress(retry_after_s=2) from error
        raise
    found = IdempotencyKey.objects.filter(**names).first()
    if found is None:  # the twin finished without an answer worth keeping, just now
        raise errors.IdempotencyInProgress(retry_after_s=1)
    if bytes(found.request_sha256) != digest:
        raise errors.IdempotencyKeyReused()
    return found, found.pk == row.pk


def settle_constraints() -> None:
    """Let what the database checks at a transaction's end be checked now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _run_in_savepoint(
    view: "StrictView", run: Callable[[], Response]
) -> tuple[Response, Exception | None]:
    """The view's answer, its effects rolled back unless it is a success."""
    try:
        with transaction.atomic():
            response = run()
            if response.status_code >= 400:
                transaction.set_rollback(True)
            else:
                settle_constraints()
            return response, None
    except Exception as error:
        return view.handle_exception(error), error


def _replay(row: IdempotencyKey) -> HttpResponse:
    kind = "application/json" if row.status < 400 else "application/problem+json"
    body = opened(row)
    response = HttpResponse(body, status=row.status, content_type=kind)
    for name, value in row.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


@transaction.atomic
def forget_old_keys(at: datetime | None = None) -> int:
    """Delete the keys that are older than 30 days; how many. Once a day, whoever rings."""
    at = at or clock.now()
    if not jobs.claim_run("voltop.api.forget_keys", at.date().isoformat()):
        return 0
    deleted, _by_model = IdempotencyKey.objects.filter(created_at__lt=at - KEPT_FOR).delete()
    return deleted
