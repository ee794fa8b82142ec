"""Payment batches, the payment of each driver in them, its lines, and what each has claimed."""

from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from payments.models.adjustments import Adjustment
from payments.models.amounts import whole
from payments.models.payouts import FundingAccount
from payments.models.plans import PayGroup, Terms
from payments.querysets import PaymentQuerySet
from shifts.models import PlatformEntry, Shift
from voltop.constraints import forward, no_overlap
from voltop.ids import uuid7
from voltop.money import MoneyField
from voltop.states import Machine, News, StateEvent
from voltop.words import told


class RunType(models.TextChoices):
    REGULAR = "regular", _("regular")
    OFF_CYCLE = "off_cycle", _("off-cycle: adjustments only")


class BatchStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    CALCULATING = "calculating", _("calculating")
    IN_REVIEW = "in_review", _("in review")
    APPROVED = "approved", _("approved")
    PAYING = "paying", _("paying")
    PARTLY_PAID = "partly_paid", _("partly paid")
    PAID = "paid", _("paid")
    CLOSED = "closed", _("closed")
    CANCELLED = "cancelled", _("cancelled")


BATCH_MACHINE = Machine(
    "status",
    {
        "draft": {"calculating", "cancelled"},
        "calculating": {"in_review"},
        "in_review": {"calculating", "approved", "cancelled"},
        "approved": {"paying"},
        "paying": {"partly_paid", "paid"},
        "partly_paid": {"paying", "paid"},
        "paid": {"closed"},
        "closed": set(),
        "cancelled": set(),
    },
    news=News("payment_batch", {"approved": "payment_batch.approved"}),
)


def _no_overlap(run_type: str) -> models.BaseConstraint:
    return no_overlap(
        f"payments_batch_{run_type}_no_overlap",
        keys=["pay_group"],
        starts="period_starts_on",
        ends="period_ends_on",
        of="days",
        where=Q(run_type=run_type, period_ends_on__isnull=False) & ~Q(status="cancelled"),
    )


class PaymentBatch(ProviderModel):
    """A pay group's payments for the business dates [period_starts_on, period_ends_on).

    `number` counts a provider's batches without gaps. `calculation` counts the calculations;
    `calculated_to` is the last driver the running one has done. `changed_by` made the last change
    and, like `created_by`, cannot approve where four eyes are asked for. `posted_at`: every
    payment of the approved batch is in the ledger.
    """

    Status = BatchStatus

    number = models.PositiveIntegerField()
    pay_group = models.ForeignKey(PayGroup, models.PROTECT, related_name="batches")
    run_type = models.CharField(max_length=16, choices=RunType, default=RunType.REGULAR)
    period_starts_on = models.DateField()
    period_ends_on = models.DateField()
    pay_on = models.DateField()
    currency = models.CharField(max_length=3)
    status = models.CharField(
        max_length=16, choices=BatchStatus, default=BatchStatus.DRAFT, editable=False
    )
    calculation = models.PositiveIntegerField(default=0, editable=False)
    calculated_to = models.BigIntegerField(default=0, editable=False)
    job_id = models.BigIntegerField(null=True, blank=True, editable=False)
    drivers = models.PositiveIntegerField(default=0, editable=False)
    exceptions = models.PositiveIntegerField(default=0, editable=False)
    payable_amount = MoneyField(default=0, editable=False)
    carried_amount = MoneyField(default=0, editable=False)
    four_eyes = models.BooleanField(default=True, editable=False)
    created_by = models.CharField(max_length=80, editable=False)
    changed_by = models.CharField(max_length=80, editable=False)
    approved_by = models.CharField(max_length=80, blank=True, editable=False)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    posted_at = models.DateTimeField(null=True, blank=True, editable=False)
    funding_account = models.ForeignKey(
        FundingAccount, models.PROTECT, related_name="batches", null=True, blank=True
    )

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "payment batches"
        constraints = [
            models.UniqueConstraint(fields=["provider", "number"], name="payments_batch_number"),
            models.CheckConstraint(
                name="payments_batch_status_known", condition=Q(status__in=BatchStatus.values)
            ),
            models.CheckConstraint(
                name="payments_batch_run_type_known", condition=Q(run_type__in=RunType.values)
            ),
            forward("payments_batch_forward", starts="period_starts_on", ends="period_ends_on"),
            _no_overlap(RunType.REGULAR.value),
            _no_overlap(RunType.OFF_CYCLE.value),
            models.CheckConstraint(
                name="payments_batch_approval",
                condition=Q(
                    status__in=["draft", "calculating", "in_review", "cancelled"],
                    approved_at__isnull=True,
                    approved_by="",
                )
                | (
                    Q(status__in=["approved", "paying", "partly_paid", "paid", "closed"])
                    & Q(approved_at__isnull=False)
                    & ~Q(approved_by="")
                ),
            ),
            models.CheckConstraint(
                name="payments_batch_four_eyes",
                condition=Q(approved_by="")
                | Q(four_eyes=False)
                | (~Q(approved_by=F("created_by")) & ~Q(approved_by=F("changed_by"))),
            ),
            models.CheckConstraint(
                name="payments_batch_whole", condition=whole("payable_amount", "carried_amount")
            ),
        ]
        permissions = [
            ("calculate_paymentbatch", "Can calculate and review payment batches"),
            ("approve_paymentbatch", "Can approve payment batches"),
            ("pay_paymentbatch", "Can hand approved payments over to the bank"),
            ("view_own_payment", "Can see one's own payments and balance"),
        ]

    def __str__(self) -> str:
        return f"Batch {self.number}"


class PaymentBatchEvent(StateEvent):
    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class PaymentStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    READY = "ready", _("ready")
    EXCEPTION = "exception", _("exception")
    HELD = "held", _("held")
    APPROVED = "approved", _("approved")
    PAID = "paid", _("paid")
    FAILED = "failed", _("failed")
    RETURNED = "returned", _("returned")
    CARRIED = "carried", _("carried over")
    CANCELLED = "cancelled", _("cancelled")


PAYMENT_MACHINE = Machine(
    "status",
    {
        "draft": {"ready", "exception", "held", "cancelled"},
        "ready": {"approved", "held", "draft", "cancelled"},
        "exception": {"ready", "draft", "cancelled"},
        "held": {"ready", "draft", "cancelled"},
        "approved": {"paid", "failed", "carried"},
        "failed": {"approved"},
        "returned": {"approved"},
        "paid": {"returned"},
        "carried": set(),
        "cancelled": set(),
    },
    news=News(
        "payment",
        {"paid": "payment.paid", "failed": "payment.failed"},
        ids=("driver", "batch"),
    ),
)
"""A new calculation puts what is not approved back to draft; cancelling the batch cancels it."""

OPEN = ("draft", "ready", "exception", "held")
"""Not approved: may still be calculated again."""

FINAL = ("approved", "paid", "failed", "returned", "carried")
"""Approved once: amounts, lines and claims stand for good."""

NOT_LIVE = ("exception", "cancelled")
"""Covers no day and binds nothing."""


def _days_once(run_type: str) -> models.BaseConstraint:
    return no_overlap(
        f"payments_payment_{run_type}_days_once",
        keys=["driver"],
        starts="period_starts_on",
        ends="period_ends_on",
        of="days",
        where=Q(run_type=run_type, period_ends_on__isnull=False) & ~Q(status__in=NOT_LIVE),
    )


class Payment(ProviderModel):
    """What one driver gets in one batch.

    net = earnings + reimbursements - cash - deductions, the sum of the lines; what may not be
    withheld now, and what is below zero, is carried: payable = net + carried, never negative.
    `uuid` is what the outside knows the payment by. `exceptions` says why it could not be
    computed: [{"code", …}]; `flags`, what a reviewer should look at. `basis` is the sum of the row
    versions of the shifts, metrics and entries it was computed from: it grows if one changes.
    """

    Status = PaymentStatus

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="payments")
    driver = models.ForeignKey(Driver, models.PROTECT, related_name="payments")
    run_type = models.CharField(max_length=16, choices=RunType)
    period_starts_on = models.DateField()
    period_ends_on = models.DateField()
    currency = models.CharField(max_length=3)
    status = models.CharField(
        max_length=16, choices=PaymentStatus, default=PaymentStatus.DRAFT, editable=False
    )
    calculation = models.PositiveIntegerField(editable=False)
    calculated_at = models.DateTimeField(editable=False)
    earnings_amount = MoneyField(default=0, editable=False)
    reimbursements_amount = MoneyField(default=0, editable=False)
    cash_amount = MoneyField(default=0, editable=False)
    deductions_amount = MoneyField(default=0, editable=False)
    net_amount = MoneyField(default=0, editable=False)
    carried_amount = MoneyField(default=0, editable=False)
    payable_amount = MoneyField(default=0, editable=False)
    previous_payable_amount = MoneyField(null=True, blank=True, editable=False)
    basis = models.BigIntegerField(default=0, editable=False)
    exceptions = models.JSONField(default=list, blank=True)
    flags = models.JSONField(default=list, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "driver"], name="payments_payment_once_in_batch"
            ),
            models.CheckConstraint(
                name="payments_payment_status_known", condition=Q(status__in=PaymentStatus.values)
            ),
            forward("payments_payment_forward", starts="period_starts_on", ends="period_ends_on"),
            _days_once(RunType.REGULAR.value),
            _days_once(RunType.OFF_CYCLE.value),
            models.CheckConstraint(
                name="payments_payment_adds_up",
                condition=Q(
                    net_amount=F("earnings_amount")
                    + F("reimbursements_amount")
                    - F("cash_amount")
                    - F("deductions_amount"),
                    payable_amount=F("net_amount") + F("carried_amount"),
                    payable_amount__gte=0,
                    carried_amount__gte=0,
                    cash_amount__gte=0,
                    deductions_amount__gte=0,
                    reimbursements_amount__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="payments_payment_whole",
                condition=whole(
                    "earnings_amount",
                    "reimbursements_amount",
                    "cash_amount",
                    "deductions_amount",
                    "carried_amount",
                ),
            ),
            models.CheckConstraint(
                name="payments_payment_approval",
                condition=Q(status__in=FINAL, approved_at__isnull=False)
                | Q(status__in=[*OPEN, "cancelled"], approved_at__isnull=True),
            ),
            models.CheckConstraint(
                name="payments_payment_exceptions",
                condition=(Q(status="exception") & ~Q(exceptions=[]))
                | (~Q(status="exception") & Q(exceptions=[]))
                | Q(status="cancelled"),
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "status", "id"], name="payments_payment_in_batch"),
            models.Index(fields=["driver", "id"], name="payments_payment_of_driver"),
            models.Index(
                fields=["driver"],
                condition=Q(carried_amount__gt=0, status__in=FINAL),
                name="payments_payment_carried",
            ),
        ]

    def __str__(self) -> str:
        return f"Payment of {told(self, 'driver')}, {date_format(self.period_starts_on)}"


class PaymentEvent(StateEvent):
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class LineCategory(models.TextChoices):
    EARNING = "earning", _("earning")
    REIMBURSEMENT = "reimbursement", _("reimbursement")
    CASH = "cash", _("cash collected")
    RENT = "rent", _("rent")
    CHARGE = "charge", _("charge")
    ADVANCE = "advance", _("advance repaid")
    CARRIED = "carried", _("carried from an earlier payment")


class PaymentLine(ProviderModel):
    """One line of a payslip: what, how much of it, at which rate, for which days.

    `quantity` is in base units (`unit`: s, m, trip, day, money in smallest units); the amount is
    what the window comes to now less `paid_before_amount`, which earlier payments paid for it.
    `evidence` names the shifts and entries. Frozen with the payment's approval.
    """

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    category = models.CharField(max_length=16, choices=LineCategory)
    key = models.CharField(max_length=32)
    terms = models.ForeignKey(
        Terms, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    window_starts_on = models.DateField(null=True, blank=True)
    window_ends_on = models.DateField(null=True, blank=True)
    quantity = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=8, blank=True)
    rate = models.CharField(max_length=80, blank=True)
    paid_before_amount = MoneyField(default=0)
    amount = MoneyField()
    currency = models.CharField(max_length=3)
    adjustment = models.ForeignKey(
        Adjustment, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    carried_from = models.ForeignKey(
        Payment, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    evidence = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("payment", "position")
        constraints = [
            models.UniqueConstraint(fields=["payment", "position"], name="payments_line_position"),
            models.CheckConstraint(
                name="payments_line_category_known", condition=Q(category__in=LineCategory.values)
            ),
            models.CheckConstraint(
                name="payments_line_whole", condition=whole("amount", "paid_before_amount")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.amount} {self.currency}"


class PaymentClaim(ProviderModel):
    """A shift, entry, adjustment or carried amount belongs to this payment, and to no other.

    The unique keys do the work: whoever inserts first pays it. Cancelling or calculating again
    deletes the claims of what is not approved.
    """

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="claims")
    shift = models.ForeignKey(
        Shift, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    entry = models.ForeignKey(
        PlatformEntry, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    adjustment = models.ForeignKey(
        Adjustment, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    carried_from = models.ForeignKey(
        Payment, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )

    class Meta:
        ordering = ("id",)
        constraints = [
            *(
                models.UniqueConstraint(
                    fields=[source],
                    condition=Q(**{f"{source}__isnull": False}),
                    name=f"payments_claim_{source}_once",
                )
                for source in ("shift", "entry", "adjustment", "carried_from")
            ),
            models.CheckConstraint(
                name="payments_claim_one_source",
                condition=Q(
                    shift__isnull=False,
                    entry__isnull=True,
                    adjustment__isnull=True,
                    carried_from__isnull=True,
                )
                | Q(
                    shift__isnull=True,
                    entry__isnull=False,
                    adjustment__isnull=True,
                    carried_from__isnull=True,
                )
                | Q(
                    shift__isnull=True,
                    entry__isnull=True,
                    adjustment__isnull=False,
                    carried_from__isnull=True,
                )
                | Q(
                    shift__isnull=True,
                    entry__isnull=True,
                    adjustment__isnull=True,
                    carried_from__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Claim of: {told(self, 'payment')}"


class PaymentEvidence(ProviderModel):
    """What an approved payment rests on, frozen: shifts with their metrics, entries, terms, policy.

    The samples behind the metrics may be deleted long before somebody asks.
    """

    append_only = True

    payment = models.OneToOneField(Payment, models.PROTECT, related_name="evidence")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "payment evidence"

    def __str__(self) -> str:
        return f"Evidence of: {told(self, 'payment')}"
