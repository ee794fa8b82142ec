"""Payments' part of the first page."""

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
from voltop.home import Figure, Task
from voltop.jobs import Job

ADMIN = "/admin/payments"


def tasks(provider_id: int | None) -> list[Task]:
    """What of money waits for a person."""
    return [*_of_banks(provider_id), *_of_batches(provider_id)]


def _of_banks(provider_id: int | None) -> list[Task]:
    """Money that did not arrive as it should, and books that do not add up."""
    payments = Payment.objects.seen_from(provider_id)
    payouts = Payout.objects.seen_from(provider_id)
    odd = BankMovement.objects.seen_from(provider_id).exclude(match="matched")
    books = Job.objects.filter(kind="payments.check_books", result__findings__gt=0)
    if provider_id is not None:
        books = books.filter(provider_id=provider_id)
    return [
        Task(
            _("Books that do not add up"),
            books.count(),
            f"{ADMIN}/entry/",
            "payments.view_ledger",
            urgency="now",
            icon="warning",
        ),
        Task(
            _("Payouts refused or returned"),
            payments.filter(status__in=["failed", "returned"]).count(),
            f"{ADMIN}/payment/?status__exact=failed",
            "payments.pay_paymentbatch",
            urgency="now",
            icon="money_off",
        ),
        Task(
            _("Payouts whose outcome is not known"),
            payouts.filter(status=PayoutStatus.UNKNOWN, asked__gte=5).count(),
            f"{ADMIN}/payout/?status__exact=unknown",
            "payments.pay_paymentbatch",
            urgency="now",
            icon="help",
        ),
        Task(
            _("Payouts on hold"),
            payouts.filter(status=PayoutStatus.HELD).count(),
            f"{ADMIN}/payout/?status__exact=held",
            "payments.pay_paymentbatch",
            icon="pause_circle",
        ),
        Task(
            _("Bank movements without a match"),
            odd.count(),
            f"{ADMIN}/bankmovement/?match__exact=unmatched",
            "payments.view_bankmovement",
            urgency="later",
            icon="account_balance",
        ),
    ]


def _of_batches(provider_id: int | None) -> list[Task]:
    """What is to be reviewed or decided before anybody is paid."""
    batches = PaymentBatch.objects.seen_from(provider_id)
    payments = Payment.objects.seen_from(provider_id)
    return [
        Task(
            _("Batches to review"),
            batches.filter(status=BatchStatus.IN_REVIEW).count(),
            f"{ADMIN}/paymentbatch/?status__exact=in_review",
            "payments.approve_paymentbatch",
            icon="fact_check",
        ),
        Task(
            _("Payments that could not be computed"),
            payments.filter(status="exception", batch__status=BatchStatus.IN_REVIEW).count(),
            f"{ADMIN}/payment/?status__exact=exception",
            "payments.calculate_paymentbatch",
            icon="rule",
        ),
        Task(
            _("Adjustments to decide"),
            Adjustment.objects.seen_from(provider_id).waiting().count(),
            f"{ADMIN}/adjustment/?status__exact=requested",
            "payments.approve_adjustment",
            icon="tune",
        ),
    ]


def figures(provider_id: int | None) -> list[Figure]:
    """What is approved and not yet with the drivers."""
    waiting = Payment.objects.seen_from(provider_id).filter(status="approved").count()
    return [
        Figure(
            _("Payments on their way"),
            str(waiting),
            f"{ADMIN}/payment/?status__exact=approved",
            "payments.view_payment",
            icon="payments",
        )
    ]
