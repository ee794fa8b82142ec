"""Webhook deliveries: one event to one endpoint, at least once, over about three days.

A delivery is written where its event gets its number, and rides on the outbox: one lane per
endpoint, order per object, the same id in every attempt. A failing event holds its object back for
a quarter of an hour at most. After the last attempt a delivery is dead until somebody sends it
again; an endpoint without one answered call for three days is disabled.
"""

import json
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from fleets.errors import DeliveryRefused, EndpointNotActive
from fleets.models import (
    DELIVERY_MACHINE,
    ENDPOINT_MACHINE,
    DeliveryStatus,
    EndpointStatus,
    WebhookDelivery,
    WebhookEndpoint,
)
from fleets.services import notices
from fleets.services.webhooks import secrets_in_force
from fleets.signals import webhook_endpoint_disabled
from voltop import clock, events, failpoints, http, outbox, signatures
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.events import Event
from voltop.outbox import Delivery, Draft, Retry, Undeliverable

TOPIC = "webhooks.deliver"
TIMEOUT_S = 10
LOG_LENGTH = 12
GIVE_UP_AFTER = timedelta(days=3)
KEEP = timedelta(days=30)
AT_ONCE = 1000
GONE = 410
OWN_KINDS = "webhook_endpoint."

# 75 h 42 min in all; while it adds up to 15 min the object's later events wait.
RETRY = Retry(
    pauses_s=(
        *(5, 30, 120, 600),
        *(1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600),
    ),
    jitter=(0.8, 1.2),
    holds_s=900,
)


def fan_out(provider_id: int, numbered: Sequence[Event]) -> int:
    """Write the deliveries of events that just got their numbers; returns how many.

    In the transaction of the numbers. Idempotent: an event goes to an endpoint once.
    """
    endpoints = list(
        WebhookEndpoint.objects.for_provider(provider_id).filter(status=EndpointStatus.ACTIVE)
    )
    wanted = [
        (endpoint, event) for event in numbered for endpoint in endpoints if wants(endpoint, event)
    ]
    if not wanted:
        return 0
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(provider_id=provider_id, endpoint=endpoint, event=event)
        for endpoint, event in wanted
    )
    _hand_over(deliveries)
    return len(deliveries)


def wants(endpoint: WebhookEndpoint, event: Event) -> bool:
    """Whether the endpoint has chosen the event; a test goes to the endpoint it is about."""
    if event.kind == OWN_KINDS + "tested":
        return event.object_id == endpoint.pk
    chosen = set(endpoint.kinds)
    return bool(chosen & {"*", event.kind, f"{event.object_type}.*"})


def _hand_over(deliveries: Sequence[WebhookDelivery]) -> None:
    """Put deliveries into the outbox and note their places there."""
    messages = outbox.emit_all(
        Draft(
            topic=TOPIC,
            provider_id=delivery.provider_id,
            object_key=_object_key(delivery),
            payload={"delivery": delivery.pk},
            lane=delivery.endpoint.lane,
        )
        for delivery in deliveries
    )
    for delivery, message in zip(deliveries, messages, strict=True):
        delivery.message = message
    WebhookDelivery.objects.bulk_update(deliveries, ["message"], batch_size=500)


def _object_key(delivery: WebhookDelivery) -> str:
    event = delivery.event
    return f"webhook:{delivery.endpoint_id}:{event.object_type}:{event.object_id}"


def attempt(message: Delivery) -> None:
    """Call the endpoint once; the outbox tries again after anything but a 2xx.

    Raises DeliveryRefused, UrlNotAllowed, OutboundFailed, Undeliverable.
    """
    delivery = (
        WebhookDelivery.objects.unscoped()
        .select_related("endpoint", "event")
        .filter(pk=message.payload["delivery"])
        .first()
    )
    if delivery is None:
        raise Undeliverable("the event is no longer kept")
    endpoint = delivery.endpoint
    if endpoint.status != EndpointStatus.ACTIVE:
        raise Undeliverable(f"the endpoint is {endpoint.status}")
    started, at = time.monotonic(), clock.now()
    status, error, refusal = _call(endpoint, delivery.event, at)
    failpoints.hit("webhooks.called")
    entry = {
        "at": at.isoformat(),
        "status": status,
        "error": error,
        "ms": round((time.monotonic() - started) * 1000),
    }
    _record(delivery, entry, at, ok=refusal is None)
    failpoints.hit("webhooks.recorded")
    if refusal is not None:
        if status == GONE:
            _disable(endpoint, "the endpoint answered 410 Gone", at=at)
            raise Undeliverable("410 Gone")
        raise refusal


def _call(
    endpoint: WebhookEndpoint, event: Event, at: datetime
) -> tuple[int | None, str, DomainError | None]:
    """The code of the answer, what went wrong in a word, and the error for the outbox."""
    body = body_of(event)
    headers = signatures.headers(secrets_in_force(endpoint, at), events.public_id(event), at, body)
    try:
        answer = http.post_json(endpoint.url, body, headers=headers, timeout_s=TIMEOUT_S)
    except (http.UrlNotAllowed, http.OutboundFailed) as error:
        return None, f"{error.code}: {error.extra.get('reason', '')}", error
    if answer.ok:
        return answer.status, "", None
    pause = answer.headers.get("retry-after", "")
    wait_s = min(int(pause), 86_400) if pause.isascii() and pause[:6].isdigit() else None
    refused = DeliveryRefused(status=answer.status, retry_after_s=wait_s)
    return answer.status, f"answered {answer.status}", refused


def body_of(event: Event) -> bytes:
    """What is sent and signed: the same bytes in every attempt, to every endpoint."""
    return json.dumps(events.as_json(event), separators=(",", ":"), sort_keys=True).encode()


@transaction.atomic
def _record(delivery: WebhookDelivery, entry: dict[str, Any], at: datetime, *, ok: bool) -> None:
    """Write down one attempt: in the delivery, and in the endpoint how it is doing."""
    row = WebhookDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    WebhookDelivery.objects.filter(pk=row.pk).update(
        attempts=F("attempts") + 1,
        last_status=entry["status"],
        last_error=entry["error"][:200],
        last_attempt_at=at,
        log=[*row.log, entry][-LOG_LENGTH:],
    )
    endpoint = WebhookEndpoint.objects.filter(pk=row.endpoint_id)
    if not ok:
        endpoint.filter(failing_since=None).update(failing_since=at)
        return
    endpoint.filter(failing_since__isnull=False).update(failing_since=None)
    if row.status != DeliveryStatus.DELIVERED:
        actor = Actor.system("webhooks.deliver", row.provider_id)
        DELIVERY_MACHINE.move(row, "delivered", actor=actor, at=at, delivered_at=at)


def give_up(message: Delivery, reason: str) -> None:
    """The outbox has given a message up: the delivery is dead, the endpoint perhaps disabled."""
    at = clock.now()
    delivery = (
        WebhookDelivery.objects.unscoped()
        .select_related("endpoint")
        .filter(pk=message.payload["delivery"])
        .first()
    )
    if delivery is None or delivery.status != DeliveryStatus.PENDING:
        return
    actor = Actor.system("webhooks.deliver", delivery.provider_id)
    last_error = delivery.last_error or reason[:200]
    DELIVERY_MACHINE.move(delivery, "dead", actor=actor, at=at, last_error=last_error)
    endpoint = delivery.endpoint
    since = endpoint.failing_since
    if since is not None and at - since >= GIVE_UP_AFTER:
        _disable(endpoint, f"no call went well since {since:%Y-%m-%d %H:%M} UTC", at=at)


@transaction.atomic
def _disable(endpoint: WebhookEndpoint, reason: str, *, at: datetime) -> None:
    """Active → disabled by the house itself; the company's owners are told."""
    locked = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    if locked.status != EndpointStatus.ACTIVE:
        return
    actor = Actor.system("webhooks.deliver", endpoint.provider_id)
    ENDPOINT_MACHINE.move(
        locked, "disabled", actor=actor, at=at, reason=reason, disabled_reason=reason
    )
    params, once = {"name": locked.name}, at.isoformat()
    notices.notify_owners(
        locked.provider_id, "fleets.endpoint_disabled", params, about=locked, once=once, at=at
    )
    webhook_endpoint_disabled.send(WebhookEndpoint, endpoint=locked, actor=actor, at=at)


@transaction.atomic
def redeliver(
    delivery: WebhookDelivery, *, actor: Actor, at: datetime | None = None
) -> WebhookDelivery:
    """Dead or delivered → pending: sent again under the same id, with all its attempts.

    Raises EndpointNotActive, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(delivery)
    delivery = (
        WebhookDelivery.objects.unscoped()
        .select_related("endpoint", "event", "message")
        .get(pk=delivery.pk)
    )
    if delivery.endpoint.status != EndpointStatus.ACTIVE:
        raise EndpointNotActive()
    DELIVERY_MACHINE.move(delivery, "pending", actor=actor, at=at)
    if delivery.message is None or not outbox.replay(delivery.message.pk):
        _hand_over([delivery])
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def redeliver_dead(endpoint: WebhookEndpoint, *, actor: Actor, at: datetime | None = None) -> int:
    """All of an endpoint's dead deliveries again, the oldest first, up to 1,000; how many.

    Raises EndpointNotActive (409).
    """
    actor.require_same_provider(endpoint)
    dead = WebhookDelivery.objects.for_provider(endpoint.provider_id).filter(
        endpoint=endpoint, status=DeliveryStatus.DEAD
    )
    chosen = list(dead.order_by("pk")[:AT_ONCE])
    for delivery in chosen:
        redeliver(delivery, actor=actor, at=at)
    return len(chosen)


def forget_old(*, at: datetime | None = None) -> int:
    """Delete deliveries that ended 30 days ago, and their places in the outbox; how many."""
    until = (at or clock.now()) - KEEP
    old = (
        WebhookDelivery.objects.unscoped()
        .filter(created_at__lt=until)
        .exclude(status=DeliveryStatus.PENDING)
        .order_by("pk")
    )
    done = 0
    while rows := list(old.values_list("pk", "message_id")[:AT_ONCE]):
        with transaction.atomic():
            WebhookDelivery.objects.filter(pk__in=[pk for pk, _message in rows]).delete()
            outbox.forget([message for _pk, message in rows if message is not None])
        done += len(rows)
    return done
