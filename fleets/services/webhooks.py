"""Webhook endpoints: made, changed, moved and tested; changes of what goes where are audited.

A secret is shown once, in the answer that makes it, and kept encrypted under the endpoint's own
key. Not here: the sending (`fleets.services.deliveries`).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from fleets import audit
from fleets.errors import EndpointNotActive, EndpointRetired, LimitReached, UnknownEventKind
from fleets.models import ENDPOINT_MACHINE, EndpointStatus, FleetProvider, WebhookEndpoint
from fleets.services.providers import require_active
from voltop import clock, crypto, events, http, signatures
from voltop.context import Actor
from voltop.errors import ReasonRequired

MAX_ENDPOINTS = 20
MAX_KEEP_H = 7 * 24
CHANGEABLE = ("name", "url", "kinds")
KIND = re.compile(r"\*|[a-z_]{1,40}\.(\*|[a-z_]{1,24})")
CONTEXT = "fleets_webhookendpoint|secret"


def create_endpoint(
    provider: FleetProvider,
    *,
    actor: Actor,
    name: str,
    url: str,
    kinds: Sequence[str],
    at: datetime | None = None,
) -> tuple[WebhookEndpoint, str]:
    """An endpoint and its secret, which is never shown again.

    Raises UrlNotAllowed, UnknownEventKind (400), LimitReached, ProviderNotActive (409).
    """
    actor.require_same_provider(provider)
    require_active(provider)
    http.check_url(url)  # asks the name's server: not in the transaction
    return _create(provider, actor, name, url, _checked(kinds), at or clock.now())


@transaction.atomic
def _create(
    provider: FleetProvider, actor: Actor, name: str, url: str, kinds: list[str], at: datetime
) -> tuple[WebhookEndpoint, str]:
    provider = FleetProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    require_active(provider)
    standing = WebhookEndpoint.objects.for_provider(provider.pk).exclude(
        status=EndpointStatus.RETIRED
    )
    if standing.count() >= MAX_ENDPOINTS:
        raise LimitReached(limit="webhook_endpoints", allowed=MAX_ENDPOINTS)
    endpoint = WebhookEndpoint(provider=provider, name=name, url=url, kinds=kinds)
    secret = signatures.new_secret()
    endpoint.secret = _sealed(endpoint, secret)
    endpoint.save(force_insert=True)
    ENDPOINT_MACHINE.open(endpoint, actor=actor, at=at)
    changes: dict[str, tuple[Any, Any]] = {"url": (None, url), "kinds": ([], endpoint.kinds)}
    audit.record("webhook_endpoint.created", endpoint, actor=actor, at=at, changes=changes)
    endpoint.refresh_from_db()
    return endpoint, secret


def change_endpoint(
    endpoint: WebhookEndpoint,
    *,
    actor: Actor,
    values: Mapping[str, Any],
    at: datetime | None = None,
) -> WebhookEndpoint:
    """Another name, address or choice of events.

    What is on its way goes to the new address. Raises UrlNotAllowed, UnknownEventKind (400),
    EndpointRetired (409).
    """
    actor.require_same_provider(endpoint)
    values = {name: value for name, value in values.items() if name in CHANGEABLE}
    if "url" in values:
        http.check_url(values["url"])  # as above
    if "kinds" in values:
        values["kinds"] = _checked(values["kinds"])
    return _change(endpoint, actor, values, at or clock.now())


@transaction.atomic
def _change(
    endpoint: WebhookEndpoint, actor: Actor, values: Mapping[str, Any], at: datetime
) -> WebhookEndpoint:
    endpoint = _locked(endpoint, actor)
    changes = audit.diff(endpoint, values)
    if changes:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**values)
        audit.record("webhook_endpoint.changed", endpoint, actor=actor, at=at, changes=changes)
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def rotate_secret(
    endpoint: WebhookEndpoint, *, actor: Actor, keep_h: int = 24, at: datetime | None = None
) -> tuple[WebhookEndpoint, str]:
    """A new secret; the old one goes on signing as well for `keep_h` hours (0: it ends now).

    A third one is never in force. Raises EndpointRetired (409).
    """
    at = at or clock.now()
    endpoint = _locked(endpoint, actor)
    secret = signatures.new_secret()
    kept = bytes(endpoint.secret) if keep_h else None
    until = at + timedelta(hours=min(keep_h, MAX_KEEP_H)) if keep_h else None
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        secret=_sealed(endpoint, secret), previous_secret=kept, previous_until=until
    )
    audit.record("webhook_endpoint.secret_rotated", endpoint, actor=actor, at=at)
    endpoint.refresh_from_db()
    return endpoint, secret


@transaction.atomic
def disable_endpoint(
    endpoint: WebhookEndpoint, *, actor: Actor, reason: str, at: datetime | None = None
) -> WebhookEndpoint:
    """Active → disabled: nothing is sent, what was on its way is given up. The feed goes on.

    Raises ReasonRequired (400), IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(endpoint)
    if not reason.strip():
        raise ReasonRequired(field="reason")
    ENDPOINT_MACHINE.move(
        endpoint, "disabled", actor=actor, at=at, reason=reason, disabled_reason=reason[:200]
    )
    endpoint.refresh_from_db()
    return endpoint


def enable_endpoint(
    endpoint: WebhookEndpoint, *, actor: Actor, at: datetime | None = None
) -> WebhookEndpoint:
    """Disabled → active. What was missed is in the feed, or is sent again on request.

    Raises UrlNotAllowed (400), IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(endpoint)
    if endpoint.status == EndpointStatus.DISABLED:
        http.check_url(endpoint.url)
    with transaction.atomic():
        ENDPOINT_MACHINE.move(
            endpoint, "active", actor=actor, at=at, disabled_reason="", failing_since=None
        )
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def retire_endpoint(
    endpoint: WebhookEndpoint, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> WebhookEndpoint:
    """End an endpoint for good; its secrets are destroyed. Raises IllegalMove (409)."""
    at = at or clock.now()
    actor.require_same_provider(endpoint)
    ENDPOINT_MACHINE.move(endpoint, "retired", actor=actor, at=at, reason=reason)
    crypto.destroy(subject_of(endpoint), endpoint.provider_id)
    audit.record("webhook_endpoint.retired", endpoint, actor=actor, at=at, reason=reason)
    endpoint.refresh_from_db()
    return endpoint


@transaction.atomic
def send_test(
    endpoint: WebhookEndpoint, *, actor: Actor, at: datetime | None = None
) -> WebhookEndpoint:
    """Publish `webhook_endpoint.tested`, which goes to this endpoint whatever it has chosen.

    Raises EndpointNotActive (409).
    """
    at = at or clock.now()
    actor.require_same_provider(endpoint)
    endpoint.refresh_from_db()
    if endpoint.status != EndpointStatus.ACTIVE:
        raise EndpointNotActive()
    events.publish_change(endpoint, "webhook_endpoint.tested", actor=actor, at=at)
    return endpoint


def secrets_in_force(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """The secrets to sign with now, the newest first. For the sender only."""
    sealed = [bytes(endpoint.secret)]
    previous, until = endpoint.previous_secret, endpoint.previous_until
    if previous is not None and until is not None and at < until:
        sealed.append(bytes(previous))
    return [
        crypto.decrypt(
            subject=subject_of(endpoint),
            provider_id=endpoint.provider_id,
            context=CONTEXT,
            ciphertext=item,
        ).decode()
        for item in sealed
    ]


def subject_of(endpoint: WebhookEndpoint) -> str:
    """The name of an endpoint's encryption key."""
    return f"fleets.webhook_endpoint:{endpoint.uuid}"


def _sealed(endpoint: WebhookEndpoint, secret: str) -> bytes:
    return crypto.encrypt(
        subject=subject_of(endpoint),
        provider_id=endpoint.provider_id,
        context=CONTEXT,
        plaintext=secret.encode(),
    )


def _checked(kinds: Sequence[str]) -> list[str]:
    """The choice of events, sorted and without repeats. Raises UnknownEventKind (400)."""
    wrong = [kind for kind in kinds if not KIND.fullmatch(kind)]
    if wrong or not kinds:
        raise UnknownEventKind(field="kinds", kinds=wrong[:10])
    return sorted(set(kinds))


def _locked(endpoint: WebhookEndpoint, actor: Actor) -> WebhookEndpoint:
    actor.require_same_provider(endpoint)
    locked = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    if locked.status == EndpointStatus.RETIRED:
        raise EndpointRetired()
    return locked
