"""Accounts to pay from: proposed by one person, activated by another, never changed."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from fleets import audit
from fleets.models import FleetPolicy, FleetProvider
from fleets.services import second_factor
from payments.errors import CurrencyMismatch, FourEyes, NameTaken
from payments.gateways import SECRET_CONTEXT, require_sandbox_bank, subject_of
from payments.models import FUNDING_MACHINE, FundingAccount, FundingStatus, GatewayKind
from voltop import clock, crypto, http
from voltop.context import Actor
from voltop.money import validate_amount


@transaction.atomic
def propose_funding_account(
    provider: FleetProvider,
    *,
    actor: Actor,
    name: str,
    endpoint: str,
    secret: str,
    gateway: str = GatewayKind.HTTP,
    at: datetime | None = None,
) -> FundingAccount:
    """A new account to pay from, in the provider's currency, waiting for a second person.

    The endpoint must be an address that may be called (https and public, unless the deployment
    allows it by name); a company for tests pays from the sandbox bank only.
    Raises UrlNotAllowed, SandboxBankOnly (400), NameTaken (409).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    require_sandbox_bank(provider, endpoint)
    http.check_url(endpoint)
    FleetProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    if FundingAccount.objects.for_provider(provider.pk).filter(name=name).exists():
        raise NameTaken(field="name")
    account = FundingAccount.objects.create(
        provider=provider,
        name=name,
        gateway=GatewayKind(gateway),
        endpoint=endpoint,
        secret=crypto.encrypt(
            subject=subject_of(provider.pk, name),
            provider_id=provider.pk,
            context=SECRET_CONTEXT,
            plaintext=secret.encode(),
        ),
        currency=provider.currency,
        proposed_by=str(actor),
    )
    FUNDING_MACHINE.open(account, actor=actor, at=at)
    audit.record(
        "funding_account.proposed", account, actor=actor, at=at, changes={"name": (None, name)}
    )
    account.refresh_from_db()
    return account


@transaction.atomic
def activate_funding_account(
    account: FundingAccount, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> FundingAccount:
    """Proposed → active, by another person than who proposed it.

    Raises FreshSecondFactorRequired, FourEyes (403), IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(account)
    second_factor.require_fresh(actor, account.provider_id, at=at)
    four_eyes = FleetPolicy.objects.get(provider_id=account.provider_id).four_eyes
    if four_eyes and str(actor) == account.proposed_by:
        raise FourEyes()
    FUNDING_MACHINE.move(account, FundingStatus.ACTIVE, actor=actor, at=at, reason=reason)
    account.refresh_from_db()
    return account


@transaction.atomic
def retire_funding_account(
    account: FundingAccount, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> FundingAccount:
    """Proposed or active → retired; payouts under way are still asked for. Raises IllegalMove."""
    at = at or clock.now()
    actor.require_same_provider(account)
    FUNDING_MACHINE.move(account, FundingStatus.RETIRED, actor=actor, at=at, reason=reason)
    account.refresh_from_db()
    return account


@transaction.atomic
def tell_available(
    account: FundingAccount,
    *,
    actor: Actor,
    amount: Decimal,
    currency: str,
    known_at: datetime,
    at: datetime | None = None,
) -> FundingAccount:
    """Note what the account held at `known_at`: approvals that need more are refused.

    Raises CurrencyMismatch (400).
    """
    at = at or clock.now()
    actor.require_same_provider(account)
    if currency != account.currency:
        raise CurrencyMismatch(field="available")
    validate_amount(amount, currency)
    changes = {"available_amount": (account.available_amount, amount)}
    FundingAccount.objects.filter(pk=account.pk).update(
        available_amount=amount, available_at=known_at
    )
    audit.record("funding_account.available", account, actor=actor, at=at, changes=changes)
    account.refresh_from_db()
    return account
