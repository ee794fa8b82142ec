"""Payout accounts: setting the one that counts, and reading its numbers for a payout."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from drivers import accounts
from drivers.errors import PayoutAccountUnchanged
from drivers.models import Driver, PayoutAccount
from drivers.signals import payout_account_changed
from fleets import audit
from fleets.services import second_factor
from fleets.services.notices import notify
from voltop import clock, crypto
from voltop.context import Actor

HOLD = timedelta(hours=24)
HOLDER = ("holder_name", "holder_tax_id")
CONTEXT = "drivers_payoutaccount|details"


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
    Raises InvalidPayoutAccount, InvalidPhone (400), FreshSecondFactorRequired (403, staff),
    PayoutAccountUnchanged (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    if actor.kind == "user" and actor.id != driver.user_id:
        second_factor.require_fresh(actor, driver.provider_id, at=at)
    checked = accounts.canonical(kind, details)
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    fingerprint = crypto.fingerprint(accounts.canonical_text(kind, checked), "payout_account")
    current = PayoutAccount.objects.current().filter(driver=driver).first()
    holder = (holder_name, holder_tax_id)
    if (
        current is not None
        and bytes(current.fingerprint or b"") == fingerprint
        and (current.holder_name, current.holder_tax_id) == holder
    ):
        raise PayoutAccountUnchanged()
    first = not PayoutAccount.objects.filter(driver=driver).exists()
    PayoutAccount.objects.current().filter(driver=driver).update(retired_at=at)
    account = PayoutAccount.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        kind=kind,
        holder_name=holder_name,
        holder_tax_id=holder_tax_id,
        mask=accounts.mask(kind, checked),
        details=crypto.encrypt(
            subject=subject_of(driver.pk),
            provider_id=driver.provider_id,
            context=CONTEXT,
            plaintext=json.dumps(checked, sort_keys=True).encode(),
        ),
        fingerprint=fingerprint,
        hold_until=None if first else at + HOLD,
    )
    changes, subject = _changes(current, account), subject_of(driver.pk)
    audit.record(
        "payout_account.set", account, actor=actor, at=at, changes=changes, subject=subject
    )
    if account.hold_until is not None:
        params = {"mask": account.mask, "hold_until": account.hold_until.isoformat()}
        notify(driver.user, "drivers.payout_account_changed", params, about=account, at=at)
    payout_account_changed.send(PayoutAccount, account=account, first=first, actor=actor, at=at)
    account.refresh_from_db()
    return account


def _changes(before: PayoutAccount | None, after: PayoutAccount) -> audit.Changes:
    """What an audit entry says of a change: kind and mask, and the holder encrypted."""
    changes: dict[str, tuple[Any, Any]] = {}
    for name in ("kind", "mask", *HOLDER):
        old, new = getattr(before, name, None), getattr(after, name)
        if (old or "") != new:
            personal = name in HOLDER
            changes[name] = (audit.Personal(old), audit.Personal(new)) if personal else (old, new)
    return changes


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


def subject_of(driver_id: int) -> str:
    """The name of a driver's encryption key."""
    return f"drivers.driver:{driver_id}"
