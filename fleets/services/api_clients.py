"""Integrators' API clients: made, changed and revoked by the provider's owner; all audited.

A secret is shown once, in the answer that makes it; only its SHA-256 is kept.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from fleets import audit, scopes, tokens
from fleets.errors import ClientRevoked
from fleets.models import ApiAccessToken, ApiClient, FleetProvider
from voltop import clock
from voltop.context import Actor


@transaction.atomic
def create_client(
    provider: FleetProvider,
    *,
    actor: Actor,
    name: str,
    wanted: Sequence[str],
    at: datetime | None = None,
) -> tuple[ApiClient, str]:
    """A client and its secret, which is never shown again. Raises UnknownScope (400)."""
    at = at or clock.now()
    actor.require_same_provider(provider)
    secret = tokens.new_client_secret()
    client = ApiClient.objects.create(
        provider=provider,
        name=name,
        client_id=tokens.new_client_id(),
        client_secret=tokens.hash_token(secret),
        scopes=scopes.require_known(wanted),
        created_by=str(actor),
        secret_set_at=at,
    )
    changes = {"name": ("", name), "scopes": ([], client.scopes)}
    audit.record("api_client.created", client, actor=actor, at=at, changes=changes)
    client.refresh_from_db()
    return client, secret


@transaction.atomic
def change_client(
    client: ApiClient, *, actor: Actor, values: dict[str, Any], at: datetime | None = None
) -> ApiClient:
    """Another name or other scopes; a scope taken away is gone from living tokens at once.

    Raises UnknownScope (400), ClientRevoked (409).
    """
    at = at or clock.now()
    client = _locked(client, actor)
    if "scopes" in values:
        values = values | {"scopes": scopes.require_known(values["scopes"])}
    changes = audit.diff(client, values)
    if changes:
        ApiClient.objects.filter(pk=client.pk).update(**values)
        audit.record("api_client.changed", client, actor=actor, at=at, changes=changes)
    client.refresh_from_db()
    return client


@transaction.atomic
def rotate_secret(
    client: ApiClient, *, actor: Actor, at: datetime | None = None
) -> tuple[ApiClient, str]:
    """A new secret; the old one and its tokens end now. Raises ClientRevoked (409)."""
    at = at or clock.now()
    client = _locked(client, actor)
    secret = tokens.new_client_secret()
    ApiClient.objects.filter(pk=client.pk).update(
        client_secret=tokens.hash_token(secret), secret_set_at=at
    )
    ApiAccessToken.objects.filter(application=client).delete()
    audit.record("api_client.secret_rotated", client, actor=actor, at=at)
    client.refresh_from_db()
    return client, secret


@transaction.atomic
def revoke_client(
    client: ApiClient, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> ApiClient:
    """End a client, its tokens and its company for tests now.

    Raises ClientRevoked (409) when it has ended already.
    """
    from fleets.services import sandboxes  # stands on this module

    at = at or clock.now()
    client = _locked(client, actor)
    if client.sandboxes.standing().exists():
        sandboxes.close_sandbox(client, actor=actor, reason=reason, at=at)
    ApiClient.objects.filter(pk=client.pk).update(revoked_at=at)
    ApiAccessToken.objects.filter(application=client).delete()
    audit.record("api_client.revoked", client, actor=actor, at=at, reason=reason)
    client.refresh_from_db()
    return client


def _locked(client: ApiClient, actor: Actor) -> ApiClient:
    actor.require_same_provider(client)
    locked = ApiClient.objects.select_for_update(no_key=True).get(pk=client.pk)
    if locked.revoked_at is not None:
        raise ClientRevoked()
    return locked
