"""Payments' part of the first page and of the inbox."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from payments.models import (
    Adjustment,
    BankMovement,
    BatchStatus,
    Payment,
    PaymentBatch,
    Payout,
    PayoutStatus,
)
from voltop.home import Figure, Work
from voltop.jobs import Job

ADMIN = "/admin/payments"


def work() -> list[Work]:
    """What of money waits for a person."""
    return [*_of_payouts(), *_of_books(), *_of_batches()]


def _of_payouts() -> list[Work]:
    """Money that did not arrive as it should."""
    return [
        Work(
            "payments.not_paid",
            _("Payouts refused or returned"),
            lambda provider_id: _payments(provider_id).filter(status__in=["failed", "returned"]),
            f"{ADMIN}/payment/?status__exact=failed",
            "payments.pay_paymentbatch",
            urgency="now",
            icon="money_off",
        ),
        Work(
            "payments.outcome_unknown",
            _("Payouts whose outcome is not known"),
            lambda provider_id: _payouts(provider_id, PayoutStatus.UNKNOWN).filter(asked__gte=5),
            f"{ADMIN}/payout/?status__exact=unknown",
            "payments.pay_paymentbatch",
            urgency="now",
            icon="help",
        ),
        Work(
            "payments.on_hold",
            _("Payouts on hold"),
            lambda provider_id: _payouts(provider_id, PayoutStatus.HELD),
            f"{ADMIN}/payout/?status__exact=held",
            "payments.pay_paymentbatch",
            icon="pause_circle",
        ),
    ]


def _of_books() -> list[Work]:
    """Books that do not add up."""
    return [
        Work(
            "payments.books",
            _("Books that do not add up"),
            _odd_books,
            f"{ADMIN}/entry/",
            "payments.view_ledger",
            urgency="now",
            icon="warning",
            done_by_hand=True,
        ),
        Work(
            "payments.unmatched",
            _("Bank movements without a match"),
            lambda p: BankMovement.objects.seen_from(p).exclude(match="matched"),
            f"{ADMIN}/bankmovement/?match__exact=unmatched",
            "payments.view_bankmovement",
            urgency="later",
            icon="account_balance",
            done_by_hand=True,
        ),
    ]


def _of_batches() -> list[Work]:
    """What is to be reviewed or decided before anybody is paid."""
    return [
        Work(
            "payments.review_batch",
            _("Batches to review"),
            lambda p: PaymentBatch.objects.seen_from(p).filter(status=BatchStatus.IN_REVIEW),
            f"{ADMIN}/paymentbatch/?status__exact=in_review",
            "payments.approve_paymentbatch",
            icon="fact_check",
        ),
        Work(
            "payments.exception",
            _("Payments that could not be computed"),
            lambda p: _payments(p).filter(status="exception", batch__status=BatchStatus.IN_REVIEW),
            f"{ADMIN}/payment/?status__exact=exception",
            "payments.calculate_paymentbatch",
            icon="rule",
        ),
        Work(
            "payments.decide_adjustment",
            _("Adjustments to decide"),
            lambda provider_id: Adjustment.objects.seen_from(provider_id).waiting(),
            f"{ADMIN}/adjustment/?status__exact=requested",
            "payments.approve_adjustment",
            icon="tune",
        ),
    ]


def _payments(provider_id: int | None) -> QuerySet[Any]:
    return Payment.objects.seen_from(provider_id)


def _payouts(provider_id: int | None, status: str) -> QuerySet[Any]:
    return Payout.objects.seen_from(provider_id).filter(status=status)


def _odd_books(provider_id: int | None) -> QuerySet[Any]:
    odd = Job.objects.filter(kind="payments.check_books", result__findings__gt=0)
    return odd if provider_id is None else odd.filter(provider_id=provider_id)


def figures(provider_id: int | None) -> list[Figure]:
    """What is approved and not yet with the drivers."""
    waiting = Payment.objects.counted_for(provider_id).filter(status="approved").count()
    return [
        Figure(
            _("Payments on their way"),
            str(waiting),
            f"{ADMIN}/payment/?status__exact=approved",
            "payments.view_payment",
            icon="payments",
        )
    ]
