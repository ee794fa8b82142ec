"""Income from ride platforms: accounts there, who is who, and every single transaction."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from shifts.models.shifts import Shift, ShiftStint
from shifts.querysets import PlatformDriverQuerySet, PlatformEntryQuerySet
from voltop.constraints import no_overlap, text_key
from voltop.money import MoneyField


class Platform(models.TextChoices):
    UBER = "uber", "Uber"
    DIDI = "didi", "DiDi"
    BOLT = "bolt", "Bolt"
    CABIFY = "cabify", "Cabify"
    FREENOW = "freenow", "FREENOW"
    LYFT = "lyft", "Lyft"
    NINETY_NINE = "99", "99"
    METER = "meter", _("taxi meter")
    OTHER = "other", _("other")


class PlatformAccount(ProviderModel):
    """The company's account at a platform. Its week begins at a day (0 = Monday) and hour."""

    platform = models.CharField(max_length=16, choices=Platform)
    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    week_starts_on = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(6)])
    week_starts_hour = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(23)]
    )

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                name="shifts_platform_account_name",
                fields=["provider", "name"],
                violation_error_code="platform_account_exists",
            ),
            models.CheckConstraint(
                name="shifts_platform_account_platform_known",
                condition=Q(platform__in=Platform.values),
            ),
            models.CheckConstraint(
                name="shifts_platform_account_week",
                condition=Q(week_starts_on__lte=6, week_starts_hour__lte=23),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlatformDriver(ProviderModel):
    """Whose a platform's driver id is, over time; never two at once."""

    account = models.ForeignKey(PlatformAccount, models.PROTECT, related_name="drivers")
    external_id = models.CharField(max_length=120)
    driver = models.ForeignKey(Driver, models.PROTECT, related_name="platform_ids")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    objects = PlatformDriverQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="shifts_platform_driver_forward",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
            ),
            no_overlap(
                "shifts_platform_driver_no_overlap",
                keys=["account", text_key("external_id")],
                not_null=["external_id"],
                code="platform_driver_taken",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class EntryKind(models.TextChoices):
    FARE = "fare", _("fare")
    TIP = "tip", _("tip")
    TOLL = "toll", _("toll")
    PROMOTION = "promotion", _("promotion")
    FEE = "fee", _("platform fee")
    REFUND = "refund", _("refund")
    CASH_COLLECTED = "cash_collected", _("cash collected by the driver")
    ADJUSTMENT = "adjustment", _("adjustment by the platform")
    OTHER = "other", _("other")


NOT_INCOME = (EntryKind.CASH_COLLECTED,)
"""Kinds that say where money is, not that more was earned."""


class PlatformEntry(ProviderModel):
    """One transaction at a platform, signed as the company sees it (a fee is negative).

    `external_id` is the platform's own and unique in the account: sending it twice makes one row.
    cash_collected is a positive amount: what the driver holds for the company. The entry belongs
    to the shift of its driver in force at `occurred_at`; `business_date` is that shift's, else
    the local date of `occurred_at` in the account's zone. `raw` is the row as it came.
    """

    account = models.ForeignKey(PlatformAccount, models.PROTECT, related_name="entries")
    external_id = models.CharField(max_length=120)
    trip_ref = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=16, choices=EntryKind)
    driver = models.ForeignKey(
        Driver, models.PROTECT, related_name="platform_entries", null=True, blank=True
    )
    shift = models.ForeignKey(
        Shift, models.PROTECT, related_name="platform_entries", null=True, blank=True
    )
    stint = models.ForeignKey(
        ShiftStint, models.PROTECT, related_name="platform_entries", null=True, blank=True
    )
    occurred_at = models.DateTimeField()
    posted_at = models.DateTimeField()
    business_date = models.DateField()
    amount = MoneyField()
    currency = models.CharField(max_length=3)
    raw = models.JSONField(default=dict, blank=True)

    objects = PlatformEntryQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "platform entries"
        constraints = [
            models.UniqueConstraint(
                name="shifts_platform_entry_once", fields=["account", "external_id"]
            ),
            models.CheckConstraint(
                name="shifts_platform_entry_kind_known", condition=Q(kind__in=EntryKind.values)
            ),
            models.CheckConstraint(
                name="shifts_platform_entry_shift_has_driver",
                condition=Q(shift__isnull=True) | Q(driver__isnull=False),
            ),
            models.CheckConstraint(
                name="shifts_platform_entry_stint_of_shift",
                condition=Q(stint__isnull=True) | Q(shift__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["driver", "occurred_at"], name="shifts_entry_of_driver"),
            models.Index(fields=["provider", "business_date", "id"], name="shifts_entry_by_date"),
            models.Index(
                fields=["provider", "id"],
                condition=Q(shift__isnull=True),
                name="shifts_entry_unattached",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.external_id}"
