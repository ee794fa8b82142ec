"""Adjustments: asked for by one person, decided by another, applied by exactly one payment."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction

from drivers.models import Driver
from fleets.models import FleetPolicy, FleetProvider
from fleets.services import second_factor
from payments.errors import AdjustmentDiffers, AdjustmentSign, OwnRequest
from payments.models import (
    ADJUSTMENT_MACHINE,
    TAKEN,
    Adjustment,
    AdjustmentKind,
    AdjustmentSeries,
    AdjustmentStatus,
)
from payments.periods import DAY
from voltop import clock
from voltop.context import Actor
from voltop.errors import given_reason
from voltop.money import split_money, validate_amount


@transaction.atomic
def request_adjustment(
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    amount: Decimal,
    due_on: date,
    reason: str,
    evidence: str = "",
    about_type: str = "",
    about_id: str = "",
    at: datetime | None = None,
) -> Adjustment:
    """Ask for an amount to be added or taken; positive, signed by its kind (see AdjustmentKind).

    A correction carries its own sign. Leavers are settled too: the driver may be in any state.
    Raises AdjustmentSign, ReasonRequired, TooManyDecimals, AmountOutOfRange (400).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    signed, currency = _signed(driver, kind, amount, reason)
    make = partial(_create, driver, actor, kind, currency, reason, at)
    return make(
        signed, due_on, series=None, evidence=evidence, about_type=about_type, about_id=about_id
    )


def require_same_adjustment(
    adjustment: Adjustment,
    *,
    actor: Actor,
    driver: Driver,
    kind: str,
    amount: Decimal,
    **values: Any,
) -> Adjustment:
    """The adjustment, if it is what these values ask for; nothing is changed.

    Raises AdjustmentDiffers (409) and what `request_adjustment` raises of the amount.
    """
    actor.require_same_provider(adjustment, driver)
    signed, _currency = _signed(driver, kind, amount, values["reason"])
    asked = {"driver": driver, "kind": kind, "amount": signed, **values}
    if fields := sorted(name for name in asked if getattr(adjustment, name) != asked[name]):
        raise AdjustmentDiffers(fields=fields)
    return adjustment


@transaction.atomic
def request_series(
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    total: Decimal,
    occurrences: int,
    first_due_on: date,
    every_days: int,
    reason: str,
    evidence: str = "",
    at: datetime | None = None,
) -> list[Adjustment]:
    """Ask for a total in several occurrences, `every_days` apart; the parts sum to it exactly.

    Raises as `request_adjustment`.
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    signed, currency = _signed(driver, kind, total, reason)
    parts = split_money(signed, [1] * occurrences, currency)
    if not all(parts):
        raise AdjustmentSign(field="total")
    series = AdjustmentSeries.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        kind=AdjustmentKind(kind),
        total_amount=signed,
        currency=currency,
        occurrences=occurrences,
    )
    make = partial(_create, driver, actor, kind, currency, reason, at)
    return [
        make(part, first_due_on + n * every_days * DAY, series=series, evidence=evidence)
        for n, part in enumerate(parts)
    ]


@transaction.atomic
def approve_adjustment(
    adjustment: Adjustment, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Adjustment:
    """Requested → approved, by another person than who asked (policy `four_eyes`).

    Raises FreshSecondFactorRequired, OwnRequest (403), IllegalMove (409).
    """
    at = at or clock.now()
    second_factor.require_fresh(actor, adjustment.provider_id, at=at)
    return _decide(adjustment, AdjustmentStatus.APPROVED, actor, reason, at)


@transaction.atomic
def reject_adjustment(
    adjustment: Adjustment, *, actor: Actor, reason: str, at: datetime | None = None
) -> Adjustment:
    """Requested → rejected; the reason stays. One's own request may be taken back like this.

    Raises ReasonRequired (400), IllegalMove (409).
    """
    reason = given_reason(reason)
    return _decide(adjustment, AdjustmentStatus.REJECTED, actor, reason, at or clock.now())


def _decide(adjustment: Adjustment, to: str, actor: Actor, reason: str, at: datetime) -> Adjustment:
    actor.require_same_provider(adjustment)
    if to == AdjustmentStatus.APPROVED and adjustment.requested_by == str(actor):
        policy = FleetPolicy.objects.get(provider_id=adjustment.provider_id)
        if policy.four_eyes:
            raise OwnRequest()
    ADJUSTMENT_MACHINE.move(
        adjustment, to, actor=actor, at=at, reason=reason, decided_by=str(actor), decided_at=at
    )
    adjustment.refresh_from_db()
    return adjustment


def _signed(driver: Driver, kind: str, amount: Decimal, reason: str) -> tuple[Decimal, str]:
    """The amount as the driver feels it, and the provider's currency."""
    reason = given_reason(reason)
    currency = FleetProvider.objects.values_list("currency", flat=True).get(pk=driver.provider_id)
    validate_amount(amount, currency)
    if not amount or (amount < 0 and kind != AdjustmentKind.CORRECTION):
        raise AdjustmentSign(field="amount")
    return (-amount if kind in TAKEN else amount), currency


def _create(
    driver: Driver,
    actor: Actor,
    kind: str,
    currency: str,
    reason: str,
    at: datetime,
    amount: Decimal,
    due_on: date,
    *,
    series: AdjustmentSeries | None,
    evidence: str,
    about_type: str = "",
    about_id: str = "",
) -> Adjustment:
    adjustment = Adjustment.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        series=series,
        kind=AdjustmentKind(kind),
        amount=amount,
        currency=currency,
        due_on=due_on,
        reason=reason,
        evidence=evidence,
        about_type=about_type,
        about_id=about_id,
        requested_by=str(actor),
    )
    ADJUSTMENT_MACHINE.open(adjustment, actor=actor, at=at, reason=reason)
    adjustment.refresh_from_db()
    return adjustment
