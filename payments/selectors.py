"""Reads that join payments with people: a driver's balance, the trial balance, dispute subjects."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import (
    Count,
    DecimalField,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from chat.subjects import Subject
from drivers.models import Driver
from fleets.models import FleetProvider
from payments.models import (
    OPEN,
    Account,
    AccountKind,
    Adjustment,
    Entry,
    Payment,
    PaymentLine,
    Payout,
    Posting,
    Terms,
)
from shifts.models import Shift
from voltop.money import shown


@dataclass(frozen=True, slots=True)
class Balance:
    """What a company and a driver owe each other, all not negative but for `owed`'s corrections."""

    owed_amount: Decimal
    debt_amount: Decimal
    under_way_amount: Decimal
    currency: str


def balance_of(driver: Driver) -> Balance:
    """A driver's balance from the ledger, and the payouts under way."""
    sums = dict(
        Posting.objects.filter(account__driver=driver)
        .values_list("account__kind")
        .annotate(total=Sum("amount"))
        .order_by()
    )
    under_way = (
        Payout.objects.under_way()
        .filter(payment__driver=driver, payout_account__isnull=False)
        .aggregate(total=Sum("amount", default=Decimal()))["total"]
    )
    return Balance(
        owed_amount=-sums.get(AccountKind.DRIVER, Decimal()),
        debt_amount=sums.get(AccountKind.DRIVER_CARRIED, Decimal()),
        under_way_amount=under_way,
        currency=driver.provider.currency,
    )


def with_balances(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Adds `balance_amount`, the sum of each account's postings."""
    sums = (
        Posting.objects.filter(account=OuterRef("pk"))
        .order_by()
        .values("account")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    field: DecimalField = DecimalField(max_digits=19, decimal_places=4)
    return accounts.annotate(
        balance_amount=Coalesce(Subquery(sums, output_field=field), Value(Decimal()))
    )


@dataclass(frozen=True, slots=True)
class TrialRow:
    kind: str
    accounts: int
    balance_amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every kind of account, and the sum of all postings, which is zero."""

    rows: list[TrialRow]
    entries: int
    sum_amount: Decimal
    currency: str


def trial_balance(provider: FleetProvider) -> TrialBalance:
    """The trial balance of a provider, as it stands."""
    found = (
        Posting.objects.for_provider(provider.pk)
        .values_list("account__kind")
        .annotate(accounts=Count("account", distinct=True), total=Sum("amount"))
        .order_by("account__kind")
    )
    rows = [TrialRow(kind, accounts, total, provider.currency) for kind, accounts, total in found]
    return TrialBalance(
        rows=rows,
        entries=Entry.objects.for_provider(provider.pk).count(),
        sum_amount=sum((row.balance_amount for row in rows), Decimal()),
        currency=provider.currency,
    )


def line_subject(line_id: int, provider_id: int) -> Subject | None:
    """A payslip line as a conversation shows it: drivers dispute what is approved."""
    line = (
        PaymentLine.objects.for_provider(provider_id)
        .select_related("payment")
        .filter(pk=line_id, payment__approved_at__isnull=False)
        .first()
    )
    if line is None:
        return None
    amount = f"{shown(line.amount, line.currency)} {line.currency}"
    return Subject(
        label=f"{line.key} {amount} ({line.payment.period_starts_on})",
        url=f"/admin/payments/payment/{line.payment_id}/change/",
        driver_id=line.payment.driver_id,
    )


def payment_subject(payment_id: int, provider_id: int) -> Subject | None:
    """A whole payment as a conversation shows it."""
    payment = (
        Payment.objects.for_provider(provider_id)
        .filter(pk=payment_id, approved_at__isnull=False)
        .first()
    )
    if payment is None:
        return None
    amount = f"{shown(payment.payable_amount, payment.currency)} {payment.currency}"
    return Subject(
        label=f"Payment of {payment.period_starts_on}: {amount}",
        url=f"/admin/payments/payment/{payment.pk}/change/",
        driver_id=payment.driver_id,
    )


def blockers_of_driver(driver: Driver) -> list[dict[str, object]]:
    """What of money is not settled with a driver; each may be set aside, with a reason.

    Work counts only of drivers with terms: others are not paid here.
    """
    own = Payment.objects.for_provider(driver.provider_id).filter(driver=driver)
    asked = Adjustment.objects.for_provider(driver.provider_id).filter(driver=driver)
    payouts = Payout.objects.for_provider(driver.provider_id).under_way()
    balance = balance_of(driver)
    counts = {
        "work_unpaid": _unpaid_work(driver),
        "adjustments_open": asked.filter(status__in=["requested", "approved"]).count(),
        "payments_in_review": own.filter(status__in=OPEN).count(),
        "payments_unpaid": own.filter(status__in=["approved", "failed", "returned"]).count(),
        "payouts_under_way": payouts.filter(payment__driver=driver).count(),
        "balance_open": int(bool(balance.owed_amount or balance.debt_amount)),
    }
    return [
        {"code": code, "count": count, "overridable": True}
        for code, count in counts.items()
        if count
    ]


def _unpaid_work(driver: Driver) -> int:
    """Shifts that were worked while terms held and are in no approved payment."""
    terms = Terms.objects.for_provider(driver.provider_id).filter(driver=driver)
    day = OuterRef("business_date")
    held = terms.filter(valid_from__lte=day).filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day))
    worked = Shift.objects.for_provider(driver.provider_id).filter(
        driver=driver, status__in=["auto_closed", "ended", "confirmed"]
    )
    return worked.filter(Exists(held)).count()


def blockers_of_provider(provider: FleetProvider) -> list[dict[str, object]]:
    """What of payments stands in the way of closing a provider."""
    found: list[dict[str, object]] = []
    under_way = Payout.objects.for_provider(provider.pk).under_way().count()
    if under_way:
        found.append({"code": "payouts_under_way", "count": under_way})
    unpaid = (
        Payment.objects.for_provider(provider.pk)
        .filter(status__in=["approved", "failed", "returned"])
        .count()
    )
    if unpaid:
        found.append({"code": "payments_unpaid", "count": unpaid})
    return found
