"""Companies for tests: one for each integrator's API client, fresh whenever it is wanted.

Such a company is a provider like any other, with everything that the product does, except that
nothing real hears of it: its people are nobody (`fleets.sandboxes`), its money goes to the sandbox
bank alone (`payments.services.funding`). It is filled by the apps (`SANDBOX_SEEDS`), whose rules
say all the same who may do what.

A reset closes the company and opens another: nothing is deleted, and no identifier means two
things. People keep their log-ins, programs their credentials; tokens of programs end.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from fleets import audit, limits
from fleets.errors import ClientRevoked, NotASandbox, SandboxApart, SandboxExists
from fleets.models import (
    ApiAccessToken,
    ApiClient,
    EndpointStatus,
    FleetProvider,
    FleetProviderStatus,
    Membership,
    Role,
    WebhookEndpoint,
)
from fleets.sandboxes import domain_of
from fleets.services import api_clients, people, providers, webhooks
from fleets.services.depots import create_depot
from voltop import clock, registry
from voltop.context import Actor
from voltop.errors import NotFound

ROLES = (Role.OWNER, Role.ACCOUNTANT)
"""Who is in a company for tests from the start: enough to approve what another one has asked."""

RESET_SCOPE = "fleets.sandbox:write"
RESET = "reset"
DEPOTS = ("North", "South")


@dataclass(frozen=True, slots=True)
class LogIn:
    """A person of a company for tests; the password is shown once."""

    role: str
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A company for tests with what opens it; secrets are shown once."""

    company: FleetProvider
    client: ApiClient
    client_secret: str
    people: tuple[LogIn, ...]


__all__ = [
    "LogIn",
    "Opened",
    "close_sandbox",
    "domain_of",
    "open_sandbox",
    "reset_sandbox",
    "sandbox_of",
]


def sandbox_of(client: ApiClient) -> FleetProvider:
    """The client's company for tests. Raises NotFound."""
    found = client.sandboxes.standing().first()
    if found is None:
        raise NotFound()
    return found


def open_sandbox(client: ApiClient, *, actor: Actor, at: datetime | None = None) -> Opened:
    """Make a client's company for tests, with credentials of its own: the client's scopes there.

    Raises ClientRevoked, SandboxApart, SandboxExists, ProviderNotActive (409), TooManyAttempts
    (429).
    """
    at = at or clock.now()
    limits.take(limits.SANDBOX_RESET, str(client.pk), at=at)
    return _open(client, actor, at)


@transaction.atomic
def _open(client: ApiClient, actor: Actor, at: datetime) -> Opened:
    client = _locked(client, actor)
    providers.require_active(client.provider)
    if standing := client.sandboxes.standing().first():
        raise SandboxExists(company=standing.pk)
    company = _found(client, at)
    inside = _inside(company)
    log_ins = tuple(_person(company, role, inside, at) for role in ROLES)
    program, secret = api_clients.create_client(
        company, actor=inside, name=client.name, wanted=[*client.scopes, RESET_SCOPE], at=at
    )
    _seed(company, at)
    changes = {"company": (None, company.pk)}
    audit.record("api_client.sandbox_opened", client, actor=actor, at=at, changes=changes)
    return Opened(company, program, secret, log_ins)


def reset_sandbox(
    company: FleetProvider, *, actor: Actor, at: datetime | None = None
) -> FleetProvider:
    """Close a company for tests and open a fresh one for the same people and programs.

    The actor is somebody inside, or of the company whose client tests there.
    Raises NotASandbox, IllegalMove (409), TooManyAttempts (429).
    """
    at = at or clock.now()
    if company.sandbox_of is None:
        raise NotASandbox()
    limits.take(limits.SANDBOX_RESET, str(company.sandbox_of_id), at=at)
    return _reset(company, company.sandbox_of, actor, at)


@transaction.atomic
def _reset(old: FleetProvider, client: ApiClient, actor: Actor, at: datetime) -> FleetProvider:
    if actor.provider_id != old.pk:
        actor.require_same_provider(client)
    client = ApiClient.objects.select_for_update(no_key=True).get(pk=client.pk)
    providers.require_active(client.provider)
    _close(old, RESET, at)
    company = _found(client, at)
    inside = _inside(company)
    for member in _standing(old):
        name = member.invited_name if member.joined_at is None else None
        people.add_member(
            company, member.user, actor=inside, role=member.role, invited_as=name, at=at
        )
    programs = ApiClient.objects.for_provider(old.pk).filter(revoked_at__isnull=True)
    for program in programs.order_by("pk"):
        ApiAccessToken.objects.filter(application=program).delete()
        ApiClient.objects.filter(pk=program.pk).update(provider=company)
        program.refresh_from_db()
        audit.record("api_client.moved", program, actor=inside, at=at, reason=RESET)
    _seed(company, at)
    changes = {"company": (old.pk, company.pk)}
    audit.record("api_client.sandbox_reset", client, actor=actor, at=at, changes=changes)
    return company


@transaction.atomic
def close_sandbox(
    client: ApiClient, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> FleetProvider:
    """Close a client's company for tests: whoever works there is out. Raises NotFound."""
    at = at or clock.now()
    actor.require_same_provider(client)
    client = ApiClient.objects.select_for_update(no_key=True).get(pk=client.pk)
    company = sandbox_of(client)
    _close(company, reason or "closed", at)
    changes = {"company": (company.pk, None)}
    audit.record("api_client.sandbox_closed", client, actor=actor, at=at, changes=changes)
    company.refresh_from_db()
    return company


# --- Inside --------------------------------------------------------------------------------------
def _locked(client: ApiClient, actor: Actor) -> ApiClient:
    actor.require_same_provider(client)
    rows = ApiClient.objects.select_for_update(no_key=True, of=("self",))
    client = rows.select_related("provider").get(pk=client.pk)
    if client.revoked_at is not None:
        raise ClientRevoked()
    if client.provider.is_sandbox:
        raise SandboxApart()
    return client


def _inside(company: FleetProvider) -> Actor:
    """Who fills a company for tests."""
    return Actor.system("fleets.sandbox", company.pk)


def _found(client: ApiClient, at: datetime) -> FleetProvider:
    """A new, active company of the same country, currency and clock; its name says what it is."""
    real, number = client.provider, client.sandboxes.count() + 1
    platform = Actor.system("fleets.sandbox")
    company = providers.create_provider(
        actor=platform,
        name=f"{client.name} (test {number})",
        country=real.country,
        currency=real.currency,
        time_zone=real.time_zone,
        language=real.language,
        sandbox_of=client,
        at=at,
    )
    return providers.activate_provider(company, actor=platform, at=at)


def _person(company: FleetProvider, role: Role, actor: Actor, at: datetime) -> LogIn:
    email = f"{role}@{domain_of(company)}"
    password = secrets.token_urlsafe(18)
    user = people.create_user(
        actor=actor,
        full_name=f"{role.label} of {company.name}",
        email=email,
        password=password,
        language=company.language,
        at=at,
    )
    people.add_member(company, user, actor=actor, role=role, at=at)
    return LogIn(role.value, email, password)


def _seed(company: FleetProvider, at: datetime) -> None:
    asker = _inside(company)
    for name in DEPOTS:
        create_depot(company, actor=asker, name=name, at=at)
    approver = Actor.system("fleets.sandbox_approval", company.pk)
    for seed in registry.collect(registry.SANDBOX_SEEDS).values():
        seed(company, asker, approver, at)


def _close(company: FleetProvider, reason: str, at: datetime) -> None:
    """Whatever state it is in; nothing more is sent to where its webhooks went."""
    platform = Actor.system("fleets.sandbox")
    endpoints = WebhookEndpoint.objects.for_provider(company.pk)
    for endpoint in endpoints.exclude(status=EndpointStatus.RETIRED).order_by("pk"):
        webhooks.retire_endpoint(endpoint, actor=platform, reason=reason, at=at)
    company.refresh_from_db()
    if company.status == FleetProviderStatus.ACTIVE:
        company = providers.suspend_provider(company, actor=platform, reason=reason, at=at)
    providers.close_provider(company, actor=platform, reason=reason, at=at)


def _standing(company: FleetProvider) -> list[Membership]:
    rows = Membership.objects.for_provider(company.pk).filter(ended_at__isnull=True)
    return list(rows.select_related("user").order_by("pk"))
