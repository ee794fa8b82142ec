"""Adjustments: what is added to or taken from a driver's pay beside the plan, with its reason."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from payments.models.amounts import whole
from payments.querysets import AdjustmentQuerySet
from voltop.money import MoneyField, shown
from voltop.states import Machine, News, StateEvent


class AdjustmentKind(models.TextChoices):
    BONUS = "bonus", _("bonus")
    CORRECTION = "correction", _("correction")
    REIMBURSEMENT = "reimbursement", _("reimbursement")
    PENALTY = "penalty", _("penalty")
    DAMAGE = "damage", _("damage")
    ADVANCE = "advance", _("advance to be repaid")
    NO_SHOW_FEE = "no_show_fee", _("no-show fee")


GIVEN = (AdjustmentKind.BONUS, AdjustmentKind.REIMBURSEMENT)
"""Kinds that add to the pay."""

TAKEN = (
    AdjustmentKind.PENALTY,
    AdjustmentKind.DAMAGE,
    AdjustmentKind.ADVANCE,
    AdjustmentKind.NO_SHOW_FEE,
)
"""Kinds that take from it: deductions, which need accepted terms and a legal basis."""


class AdjustmentStatus(models.TextChoices):
    REQUESTED = "requested", _("requested")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    APPLIED = "applied", _("applied")


ADJUSTMENT_MACHINE = Machine(
    "status",
    {
        "requested": {"approved", "rejected"},
        "approved": {"applied"},
        "rejected": set(),
        "applied": set(),
    },
    news=News("adjustment", ids=("driver",)),
)


class AdjustmentSeries(ProviderModel):
    """One thing that is paid or taken in several occurrences, one adjustment each."""

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=AdjustmentKind)
    total_amount = MoneyField()
    currency = models.CharField(max_length=3)
    occurrences = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "adjustment series"
        constraints = [
            models.CheckConstraint(
                name="payments_adjustment_series_kind_known",
                condition=Q(kind__in=AdjustmentKind.values),
            ),
            models.CheckConstraint(
                name="payments_adjustment_series_occurrences", condition=Q(occurrences__gte=2)
            ),
            models.CheckConstraint(
                name="payments_adjustment_series_whole", condition=whole("total_amount")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.occurrences} × {self.get_kind_display()}"


class Adjustment(ProviderModel):
    """A signed amount (negative: taken), due in the payment that covers `due_on` or the next.

    Requested by one person, approved by another; applied when exactly one payment is approved.
    `evidence` says where the proof is (a file's name, a ticket, a photo's address).
    """

    Status = AdjustmentStatus

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="adjustments")
    series = models.ForeignKey(
        AdjustmentSeries, models.PROTECT, related_name="adjustments", null=True, blank=True
    )
    kind = models.CharField(max_length=16, choices=AdjustmentKind)
    amount = MoneyField()
    currency = models.CharField(max_length=3)
    due_on = models.DateField()
    reason = models.CharField(max_length=500)
    evidence = models.CharField(max_length=500, blank=True)
    about_type = models.CharField(max_length=40, blank=True)
    about_id = models.CharField(max_length=40, blank=True)
    status = models.CharField(
        max_length=16,
        choices=AdjustmentStatus,
        default=AdjustmentStatus.REQUESTED,
        editable=False,
    )
    requested_by = models.CharField(max_length=80, editable=False)
    decided_by = models.CharField(max_length=80, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AdjustmentQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="payments_adjustment_status_known",
                condition=Q(status__in=AdjustmentStatus.values),
            ),
            models.CheckConstraint(
                name="payments_adjustment_sign",
                condition=Q(kind__in=GIVEN, amount__gt=0)
                | Q(kind__in=TAKEN, amount__lt=0)
                | (Q(kind=AdjustmentKind.CORRECTION) & ~Q(amount=0)),
            ),
            models.CheckConstraint(name="payments_adjustment_whole", condition=whole("amount")),
            models.CheckConstraint(
                name="payments_adjustment_decided",
                condition=Q(status="requested", decided_at__isnull=True, decided_by="")
                | (~Q(status="requested") & Q(decided_at__isnull=False) & ~Q(decided_by="")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["driver", "due_on"],
                condition=Q(status="approved"),
                name="payments_adjustment_due",
            ),
            models.Index(fields=["provider", "status", "id"], name="payments_adjustment_status"),
        ]
        permissions = [("approve_adjustment", "Can approve or reject adjustments of others")]

    def __str__(self) -> str:
        amount = shown(self.amount, self.currency, grouped=True)
        return f"{self.get_kind_display()} {amount} {self.currency}"


class AdjustmentEvent(StateEvent):
    adjustment = models.ForeignKey(Adjustment, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass
