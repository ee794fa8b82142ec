"""What a shift was worth: time, distance, energy, trips. Computed, never typed."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from fleets.models import ProviderModel
from shifts.models.shifts import Shift
from voltop.models import Model
from voltop.money import MoneyField
from voltop.querysets import ProviderQuerySet
from voltop.words import told


class MetricsMethod(models.TextChoices):
    GPS = "gps", _("GPS")
    ODOMETER = "odometer", _("odometer")
    NONE = "none", _("no data")


class ShiftMetrics(ProviderModel):
    """One row per worked shift, from the samples of its cars during its stints.

    Whole seconds; worked_s is end minus start less breaks. km is without gap_km (legs across a
    silence); paid_km is driven with a fare on board, empty_km the rest of both. trips are fares
    begun in the shift. coverage_pct: the part of the stints that samples vouch for. income_amount
    is the sum of attached platform entries that are income, in `currency`; null without any.
    The same data gives the same row: a new computation that finds nothing new writes nothing.
    """

    shift = models.OneToOneField(Shift, models.PROTECT, related_name="metrics")
    worked_s = models.PositiveIntegerField()
    break_s = models.PositiveIntegerField()
    driving_s = models.PositiveIntegerField()
    idle_s = models.PositiveIntegerField()
    charging_s = models.PositiveIntegerField()
    occupied_s = models.PositiveIntegerField()
    km = models.DecimalField(max_digits=12, decimal_places=6)
    gap_km = models.DecimalField(max_digits=12, decimal_places=6)
    paid_km = models.DecimalField(max_digits=12, decimal_places=6)
    empty_km = models.DecimalField(max_digits=12, decimal_places=6)
    trips = models.PositiveIntegerField()
    used_kwh = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    soc_start_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    soc_end_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    samples = models.PositiveIntegerField()
    coverage_pct = models.DecimalField(max_digits=5, decimal_places=2)
    income_amount = MoneyField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    method = models.CharField(max_length=16, choices=MetricsMethod)
    computed_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "shift metrics"
        constraints = [
            models.CheckConstraint(
                name="shifts_metrics_method_known", condition=Q(method__in=MetricsMethod.values)
            ),
            models.CheckConstraint(
                name="shifts_metrics_coverage",
                condition=Q(coverage_pct__gte=0, coverage_pct__lte=100),
            ),
            models.CheckConstraint(
                name="shifts_metrics_income_currency",
                condition=Q(income_amount__isnull=True) | ~Q(currency=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{told(self, 'shift')}: what it came to"


class MetricsRequest(Model):
    """A wish to compute a shift's metrics (again). Rows are taken by the worker and deleted.

    Wishes pile up freely (no unique key): whoever writes one never waits for a computation.
    `next_at` lies ahead where a computation failed.
    """

    provider_id = models.BigIntegerField()
    shift = models.ForeignKey(Shift, models.CASCADE, related_name="+")
    next_at = models.DateTimeField(db_default=Now())

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{told(self, 'shift')}: to be computed"
