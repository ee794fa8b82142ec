"""Terms: what a driver agreed to, from when, and that they did."""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max

from drivers.models import Driver
from fleets import audit
from fleets.models import FleetProvider
from payments.errors import (
    InvalidTermsPeriod,
    RentIncomplete,
    TermsAccepted,
    TermsEnded,
    TermsOverlap,
    TermsUsed,
)
from payments.models import FINAL, AcceptedHow, PayGroup, Payment, PayPlanVersion, Terms
from payments.rules.rent import RentPer
from payments.services.plans import require_usable
from voltop import clock
from voltop.context import Actor
from voltop.errors import NotFound, given_reason
from voltop.money import validate_positive_amount


@transaction.atomic
def offer_terms(
    driver: Driver,
    *,
    actor: Actor,
    pay_group: PayGroup,
    plan_version: PayPlanVersion,
    valid_from: date,
    valid_to: date | None = None,
    rent_amount: Decimal = Decimal(),
    rent_per: str = "",
    deposit_target_amount: Decimal | None = None,
    accident_excess_amount: Decimal | None = None,
    text: str = "",
    at: datetime | None = None,
) -> Terms:
    """New terms for the business dates [valid_from, valid_to); the past is allowed.

    They rate the driver's work from then on; rent and other deductions wait for acceptance.
    Raises InvalidTermsPeriod, RentIncomplete (400), PayGroupRetired, PayPlanRetired,
    TermsOverlap (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver, pay_group, plan_version)
    if (valid_to is not None and valid_to <= valid_from) or (
        valid_from < plan_version.effective_from
    ):
        raise InvalidTermsPeriod(
            field="valid_from", effective_from=plan_version.effective_from.isoformat()
        )
    currency = FleetProvider.objects.values_list("currency", flat=True).get(pk=driver.provider_id)
    _check_amounts(currency, rent_amount, rent_per, deposit_target_amount, accident_excess_amount)
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    require_usable(pay_group, plan_version)
    _require_free(driver, valid_from, valid_to)
    terms = Terms.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        pay_group=pay_group,
        plan_version=plan_version,
        valid_from=valid_from,
        valid_to=valid_to,
        currency=currency,
        rent_amount=rent_amount,
        rent_per=rent_per,
        deposit_target_amount=deposit_target_amount,
        accident_excess_amount=accident_excess_amount,
        text=text,
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    audit.record("terms.offered", terms, actor=actor, at=at)
    terms.refresh_from_db()
    return terms


@transaction.atomic
def offer_signed_terms(
    driver: Driver | None, *, actor: Actor, evidence: str = "", **values: Any
) -> Terms:
    """Offer terms and record at once that they are signed on paper, where `evidence` names it.

    For lists of drivers: a driver that is not there is the row's own error.
    Raises as `offer_terms`; NotFound.
    """
    if driver is None:
        raise NotFound(field="driver")
    terms = offer_terms(driver, actor=actor, **values)
    if evidence:
        terms = record_acceptance(terms, actor=actor, evidence=evidence)
    return terms


@transaction.atomic
def accept_terms(terms: Terms, *, actor: Actor, at: datetime | None = None) -> Terms:
    """The driver agrees, signed in as themselves. Raises NotFound for others, TermsAccepted."""
    at = at or clock.now()
    actor.require_same_provider(terms)
    if actor.kind != "user" or actor.id != terms.driver.user_id:
        raise NotFound()
    return _accept(terms, actor, AcceptedHow.SELF, "", at)


@transaction.atomic
def record_acceptance(
    terms: Terms, *, actor: Actor, evidence: str, at: datetime | None = None
) -> Terms:
    """Staff record that the driver signed on paper; `evidence` says where the paper is.

    Raises ReasonRequired (400), TermsAccepted (409).
    """
    at = at or clock.now()
    actor.require_same_provider(terms)
    evidence = given_reason(evidence, "evidence")
    return _accept(terms, actor, AcceptedHow.PAPER, evidence, at)


@transaction.atomic
def end_terms(
    terms: Terms, *, actor: Actor, valid_to: date, reason: str = "", at: datetime | None = None
) -> Terms:
    """Fix the first business date on which running terms no longer hold.

    An end that was agreed on and has not come may be brought forward.
    Raises TermsEnded, TermsUsed (409), InvalidTermsPeriod (400).
    """
    at = at or clock.now()
    actor.require_same_provider(terms)
    terms = Terms.objects.select_for_update(no_key=True).get(pk=terms.pk)
    before = terms.valid_to
    today = clock.local_date(at, clock.zone(terms.provider.time_zone))
    if before is not None and before <= max(valid_to, today):
        raise TermsEnded()
    if valid_to <= terms.valid_from:
        raise InvalidTermsPeriod(field="valid_to")
    paid_to = Payment.objects.filter(driver_id=terms.driver_id, status__in=FINAL).aggregate(
        last=Max("period_ends_on")
    )["last"]
    if paid_to is not None and valid_to < paid_to:
        raise TermsUsed(paid_to=paid_to.isoformat())
    Terms.objects.filter(pk=terms.pk).update(valid_to=valid_to)
    changes = {"valid_to": (before, valid_to)}
    audit.record("terms.ended", terms, actor=actor, at=at, changes=changes, reason=reason)
    terms.refresh_from_db()
    return terms


def _accept(terms: Terms, actor: Actor, how: str, evidence: str, at: datetime) -> Terms:
    moved = Terms.objects.filter(pk=terms.pk, accepted_at__isnull=True).update(
        accepted_at=at, accepted_by=str(actor), accepted_how=how, acceptance_evidence=evidence
    )
    if not moved:
        raise TermsAccepted()
    audit.record("terms.accepted", terms, actor=actor, at=at, changes={"how": (None, str(how))})
    terms.refresh_from_db()
    return terms


def _check_amounts(
    currency: str, rent: Decimal, rent_per: str, deposit: Decimal | None, excess: Decimal | None
) -> None:
    if bool(rent) != bool(rent_per) or (rent_per and rent_per not in list(RentPer)):
        raise RentIncomplete(field="rent_per")
    for amount in (rent or None, deposit, excess):
        if amount is not None:
            validate_positive_amount(amount, currency)


def _require_free(driver: Driver, valid_from: date, valid_to: date | None) -> None:
    """Named error for what the exclusion constraint would refuse; the driver row is locked."""
    others = Terms.objects.filter(driver=driver).sharing_days(valid_from, valid_to)
    if blocker := others.first():
        raise TermsOverlap(terms=blocker.pk)
