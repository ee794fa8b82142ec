"""Payout accounts: setting the one that counts, and reading its numbers for a payout."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from drivers import accounts
from drivers import numbers as personal
from drivers.errors import PayoutAccountUnchanged
from drivers.models import Driver, PayoutAccount
from drivers.numbers import subject_of
from drivers.signals import payout_account_changed
from fleets import audit
from fleets.services import second_factor
from fleets.services.notices import notify
from voltop import clock, crypto
from voltop.context import Actor

HOLD = timedelta(hours=24)
CONTEXT = "drivers_payoutaccount|details"
TAX_CONTEXT = "drivers_payoutaccount|holder_tax_sealed"


@transaction.atomic
def set_payout_account(
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    details: Mapping[str, str],
    holder_name: str,
    holder_tax_id: str = "",
    at: datetime | None = None,
) -> PayoutAccount:
    """Make this the driver's account; the one before is retired.

    Every change but the first opens a hold of 24 hours, in which nothing is paid out to it.
    Raises InvalidPayoutAccount, InvalidPhone, InvalidTaxId (400), FreshSecondFactorRequired (403,
    staff), PayoutAccountUnchanged (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    if actor.kind == "user" and actor.id != driver.user_id:
        second_factor.require_fresh(actor, driver.provider_id, at=at)
    checked = accounts.canonical(kind, details)
    countries = (accounts.country_of(kind, checked), driver.provider.country)
    holder_tax_id = personal.checked_tax_id(holder_tax_id, filter(None, countries))
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    fingerprint = crypto.fingerprint(accounts.canonical_text(kind, checked), "payout_account")
    current = PayoutAccount.objects.current().filter(driver=driver).first()
    holder = (holder_name, holder_tax_id)
    if (
        current is not None
        and bytes(current.fingerprint or b"") == fingerprint
        and (current.holder_name, holder_tax_id_of(current, actor=actor)) == holder
    ):
        raise PayoutAccountUnchanged()
    first = not PayoutAccount.objects.filter(driver=driver).exists()
    PayoutAccount.objects.current().filter(driver=driver).update(retired_at=at)
    account = _new_account(
        driver,
        kind,
        checked,
        holder,
        fingerprint=fingerprint,
        hold_until=None if first else at + HOLD,
    )
    changes, subject = _changes(current, account, actor), subject_of(driver.pk)
    audit.record(
        "payout_account.set", account, actor=actor, at=at, changes=changes, subject=subject
    )
    if account.hold_until is not None:
        params = {"mask": account.mask, "hold_until": account.hold_until.isoformat()}
        notify(driver.user, "drivers.payout_account_changed", params, about=account, at=at)
    payout_account_changed.send(PayoutAccount, account=account, first=first, actor=actor, at=at)
    account.refresh_from_db()
    return account


def _new_account(
    driver: Driver,
    kind: str,
    checked: accounts.Details,
    holder: tuple[str, str],
    *,
    fingerprint: bytes,
    hold_until: datetime | None,
) -> PayoutAccount:
    """The row, its numbers sealed."""
    holder_name, holder_tax_id = holder
    return PayoutAccount.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        kind=kind,
        holder_name=holder_name,
        holder_tax_sealed=personal.seal(driver.pk, driver.provider_id, TAX_CONTEXT, holder_tax_id),
        holder_tax_mask=personal.mask(holder_tax_id),
        mask=accounts.mask(kind, checked),
        details=crypto.encrypt(
            subject=subject_of(driver.pk),
            provider_id=driver.provider_id,
            context=CONTEXT,
            plaintext=json.dumps(checked, sort_keys=True).encode(),
        ),
        fingerprint=fingerprint,
        hold_until=hold_until,
    )


def _changes(
    before: PayoutAccount | None, after: PayoutAccount, actor: Actor
) -> dict[str, tuple[Any, Any]]:
    """What an audit entry says of a change: kind and mask, and the holder encrypted."""
    changes: dict[str, tuple[Any, Any]] = {}
    for name in ("kind", "mask", "holder_name"):
        old, new = getattr(before, name, None), getattr(after, name)
        if (old or "") != new:
            personally = name == "holder_name"
            changes[name] = (audit.Personal(old), audit.Personal(new)) if personally else (old, new)
    old_id = None if before is None else holder_tax_id_of(before, actor=actor)
    new_id = holder_tax_id_of(after, actor=actor)
    if (old_id or "") != new_id:
        changes["holder_tax_id"] = (audit.Personal(old_id), audit.Personal(new_id))
    return changes


def holder_tax_id_of(account: PayoutAccount, *, actor: Actor) -> str:
    """The holder's tax id in clear. Never shown. Raises KeyDestroyed (409) after the erasure."""
    actor.require_same_provider(account)
    sealed = bytes(account.holder_tax_sealed)
    return personal.unseal(account.driver_id, account.provider_id, TAX_CONTEXT, sealed)


def account_details(account: PayoutAccount, *, actor: Actor) -> dict[str, str]:
    """The account in clear, for the one who sends money there. Never shown, never logged.

    Raises KeyDestroyed (409) after the driver's erasure.
    """
    actor.require_same_provider(account)
    plaintext = crypto.decrypt(
        subject=subject_of(account.driver_id),
        provider_id=account.provider_id,
        context=CONTEXT,
        ciphertext=bytes(account.details),
    )
    details: dict[str, str] = json.loads(plaintext)
    return details
