"""Providers: creating, moving, changing their rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from stdnum import get_cc_module
from stdnum.exceptions import ValidationError as StdnumError

from fleets import audit
from fleets.country_packs import payslips_kept_days, policy_values
from fleets.errors import (
    InvalidTaxId,
    LimitReached,
    PolicyOutOfRange,
    ProviderBlocked,
    ProviderNotActive,
    UnknownCountry,
    UnknownLanguage,
)
from fleets.iso3166 import ALPHA_2
from fleets.models import ApiClient, FleetPolicy, FleetProvider
from fleets.models.providers import BEGINNING, PROVIDER_MACHINE
from voltop import clock, registry
from voltop.context import Actor
from voltop.errors import given_reason
from voltop.money import exponent

SANDBOX_LIMITS = {"max_drivers": 200, "max_vehicles": 200, "max_users": 20}
TAX_MODULES = {"MX": "rfc", "BR": "cnpj", "DE": "vat", "US": "ein"}


@transaction.atomic
def create_provider(
    *,
    actor: Actor,
    name: str,
    country: str,
    currency: str,
    time_zone: str,
    legal_name: str = "",
    tax_id: str = "",
    language: str = "en",
    sandbox_of: ApiClient | None = None,
    at: datetime | None = None,
) -> FleetProvider:
    """A new company in state onboarding, its policy seeded from the country's pack.

    Raises UnknownCountry, UnknownCurrency, UnknownTimezone, UnknownLanguage, InvalidTaxId (400).
    """
    at = at or clock.now()
    if country not in ALPHA_2:
        raise UnknownCountry(field="country")
    if language not in dict(settings.LANGUAGES):
        raise UnknownLanguage(field="language")
    exponent(currency)
    clock.zone(time_zone)
    factor_roles = [] if sandbox_of else list(settings.SECOND_FACTOR_ROLES)
    provider = FleetProvider.objects.create(
        name=name,
        legal_name=legal_name or name,
        tax_id=_checked_tax_id(country, tax_id),
        country=country,
        currency=currency,
        time_zone=time_zone,
        language=language,
        sandbox_of=sandbox_of,
        **(SANDBOX_LIMITS if sandbox_of else {}),
    )
    FleetPolicy.objects.create(
        provider=provider,
        second_factor_roles=factor_roles,
        approval_second_factor=bool(factor_roles),
        **policy_values(country),
    )
    PROVIDER_MACHINE.open(provider, actor=actor, at=at)
    audit.record("provider.created", provider, actor=actor, at=at)
    provider.refresh_from_db()
    return provider


def _checked_tax_id(country: str, tax_id: str) -> str:
    """The compact form of a tax number, checked where python-stdnum knows the country's kind."""
    if not tax_id:
        return ""
    module = get_cc_module(country, TAX_MODULES.get(country, "vat"))
    if module is None:
        return tax_id.strip()
    try:
        compact = str(module.validate(tax_id))
    except StdnumError as error:
        raise InvalidTaxId(field="tax_id") from error
    if not compact.isascii():  # stdnum lets digits of other scripts through in places
        raise InvalidTaxId(field="tax_id")
    return compact


@transaction.atomic
def update_provider(
    provider: FleetProvider, *, actor: Actor, at: datetime | None = None, **values: Any
) -> FleetProvider:
    """Change name, legal name, tax id or language; country, currency and zone stay for good."""
    at = at or clock.now()
    actor.require_same_provider(provider)
    allowed = {"name", "legal_name", "tax_id", "language"}
    if unknown := values.keys() - allowed:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    if "tax_id" in values:
        values["tax_id"] = _checked_tax_id(provider.country, values["tax_id"])
    if values.get("language", "en") not in dict(settings.LANGUAGES):
        raise UnknownLanguage(field="language")
    provider = FleetProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    changes = audit.diff(provider, values)
    if changes:
        FleetProvider.objects.filter(pk=provider.pk).update(**values)
        audit.record("provider.changed", provider, actor=actor, at=at, changes=changes)
        provider.refresh_from_db()
    return provider


@transaction.atomic
def activate_provider(
    provider: FleetProvider, *, actor: Actor, at: datetime | None = None, reason: str = ""
) -> FleetProvider:
    """Onboarding or suspended → active."""
    PROVIDER_MACHINE.move(provider, "active", actor=actor, at=at or clock.now(), reason=reason)
    provider.refresh_from_db()
    return provider


@transaction.atomic
def suspend_provider(
    provider: FleetProvider, *, actor: Actor, reason: str, at: datetime | None = None
) -> FleetProvider:
    """Active → suspended: nobody starts anything new, what runs may be finished."""
    reason = given_reason(reason)
    PROVIDER_MACHINE.move(provider, "suspended", actor=actor, at=at or clock.now(), reason=reason)
    provider.refresh_from_db()
    return provider


@transaction.atomic
def close_provider(
    provider: FleetProvider, *, actor: Actor, reason: str, at: datetime | None = None
) -> FleetProvider:
    """Onboarding or suspended → closed, when no app names anything that stands in the way.

    A company for tests owes nobody anything: nothing stands in its way.
    Raises ProviderBlocked (409) with *all* blockers at once.
    """
    from fleets.services import sandboxes  # stands on this module

    reason = given_reason(reason)
    PROVIDER_MACHINE.move(provider, "closed", actor=actor, at=at or clock.now(), reason=reason)
    blockers = [
        blocker
        for function in registry.collect(registry.PROVIDER_BLOCKERS).values()
        for blocker in ([] if provider.is_sandbox else function(provider))
    ]
    if blockers:
        raise ProviderBlocked(blockers=blockers)
    tested = FleetProvider.objects.standing().filter(sandbox_of__provider=provider)
    for client in ApiClient.objects.filter(pk__in=tested.values("sandbox_of")).order_by("pk"):
        sandboxes.close_sandbox(client, actor=actor, reason=reason, at=at)
    provider.refresh_from_db()
    return provider


@transaction.atomic
def change_policy(
    provider: FleetProvider,
    *,
    actor: Actor,
    values: Mapping[str, Any],
    at: datetime | None = None,
    reason: str = "",
) -> FleetPolicy:
    """Change some of a provider's rules; every field's before and after is audited.

    Raises PolicyOutOfRange (400) naming the field.
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    erasure_days = values.get("driver_erasure_days")
    if erasure_days is not None and erasure_days < payslips_kept_days(provider.country):
        raise PolicyOutOfRange(field="driver_erasure_days")
    policy = FleetPolicy.objects.select_for_update(no_key=True).get(provider=provider)
    changes = audit.diff(policy, values)
    for name, value in values.items():
        field = FleetPolicy._meta.get_field(name)
        if not field.editable or name == "provider":
            raise TypeError(f"not a policy value: {name}")
        try:
            setattr(policy, name, field.clean(value, policy))  # type: ignore[union-attr]
        except Exception as error:
            raise PolicyOutOfRange(field=name) from error
    if changes:
        policy.save(update_fields=list(changes))
        audit.record("policy.changed", policy, actor=actor, at=at, changes=changes, reason=reason)
        policy.refresh_from_db()
    return policy


def require_active(provider: FleetProvider) -> None:
    """Guard of every service that starts something new. Raises ProviderNotActive (409)."""
    if provider.status not in BEGINNING:
        raise ProviderNotActive(status=provider.status)


def require_room(provider_id: int, limit: str, existing: QuerySet[Any]) -> FleetProvider:
    """Lock the provider and check one of its limits ("max_drivers", …) against `existing`.

    The lock makes two invitations at 9 of 10 take turns. Raises LimitReached (409) and, since
    what is limited is also something new, ProviderNotActive (409).
    """
    provider = FleetProvider.objects.select_for_update(no_key=True).get(pk=provider_id)
    require_active(provider)
    allowed: int = getattr(provider, limit)
    if existing.count() >= allowed:
        raise LimitReached(limit=limit, allowed=allowed)
    return provider
