"""Pay groups (when), pay plans (how much) and the terms that bind a driver to both."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from payments.models.amounts import whole
from payments.periods import Calendar
from payments.querysets import TermsQuerySet
from payments.rules.components import Window
from payments.rules.parse import RULES
from payments.rules.rent import RentPer
from voltop.constraints import forward, no_overlap
from voltop.money import MoneyField
from voltop.words import told


class Cadence(models.TextChoices):
    WEEKLY = "weekly", _("weekly")
    BIWEEKLY = "biweekly", _("every two weeks")
    SEMI_MONTHLY = "semi_monthly", _("twice a month")
    MONTHLY = "monthly", _("monthly")


class PayGroup(ProviderModel):
    """Drivers who are paid together: how often, from which weekday, how long after the end.

    Dates are business dates (a shift belongs to the local date it begins on; an entry without a
    shift to the local date of its platform account). `week_starts_hour` is what the platforms'
    statements go by and does not move business dates. `anchor_on` is some first day of a biweekly
    period. `is_default` takes those who have something to be paid and no terms: as exceptions.
    """

    name = models.CharField(max_length=80)
    cadence = models.CharField(max_length=16, choices=Cadence)
    week_starts_on = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(6)])
    week_starts_hour = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(23)]
    )
    anchor_on = models.DateField()
    cutoff_days = models.PositiveSmallIntegerField(default=0)
    pay_after_days = models.PositiveSmallIntegerField(default=2)
    is_default = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="payments_pay_group_name"),
            models.UniqueConstraint(
                fields=["provider"],
                condition=Q(is_default=True),
                name="payments_pay_group_one_default",
            ),
            models.CheckConstraint(
                name="payments_pay_group_cadence_known", condition=Q(cadence__in=Cadence.values)
            ),
            models.CheckConstraint(
                name="payments_pay_group_week",
                condition=Q(week_starts_on__lte=6, week_starts_hour__lte=23),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.cadence, self.week_starts_on, self.anchor_on)


class PayPlan(ProviderModel):
    """A way of paying, by name; what it says stands in its versions."""

    name = models.CharField(max_length=80)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="payments_pay_plan_name"),
        ]

    def __str__(self) -> str:
        return self.name


class PayPlanVersion(ProviderModel):
    """One wording of a plan, never changed. Terms name the version they agree to.

    `effective_from` is the first business date it may be agreed for; it may lie in the past.
    """

    append_only = True

    plan = models.ForeignKey(PayPlan, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "number"], name="payments_pay_plan_version_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{told(self, 'plan')}, version {self.number}"


class PayComponent(ProviderModel):
    """One rule of a version: `params` as `payments.rules.parse` reads them."""

    append_only = True

    version = models.ForeignKey(PayPlanVersion, models.PROTECT, related_name="components")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=32)
    rule = models.CharField(max_length=16, choices=[(name, name) for name in RULES])
    window = models.CharField(max_length=8, choices=[(w.value, w.value) for w in Window])
    params = models.JSONField(default=dict)

    class Meta:
        ordering = ("version", "position")
        constraints = [
            models.UniqueConstraint(
                fields=["version", "position"], name="payments_pay_component_position"
            ),
            models.UniqueConstraint(fields=["version", "key"], name="payments_pay_component_key"),
            models.CheckConstraint(
                name="payments_pay_component_rule_known", condition=Q(rule__in=list(RULES))
            ),
            models.CheckConstraint(
                name="payments_pay_component_window_known",
                condition=Q(window__in=[w.value for w in Window]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.rule})"


class AcceptedHow(models.TextChoices):
    SELF = "self", _("by the driver, signed in")
    PAPER = "paper", _("on paper, recorded by staff")


class Terms(ProviderModel):
    """What a driver agreed to for the business dates [valid_from, valid_to); open end: null.

    Never two for one day. `valid_from` may lie in the past. Deducting (rent, damages …) needs
    `accepted_at`, the server's clock at acceptance. `text_sha256` is over the text shown.
    """

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="terms")
    pay_group = models.ForeignKey(PayGroup, models.PROTECT, related_name="terms")
    plan_version = models.ForeignKey(PayPlanVersion, models.PROTECT, related_name="terms")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    rent_amount = MoneyField(default=0)
    rent_per = models.CharField(
        max_length=8, choices=[(p.value, p.value) for p in RentPer], blank=True
    )
    deposit_target_amount = MoneyField(null=True, blank=True)
    accident_excess_amount = MoneyField(null=True, blank=True)
    text = models.TextField(max_length=20_000)
    text_sha256 = models.CharField(max_length=64, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted_by = models.CharField(max_length=80, blank=True, editable=False)
    accepted_how = models.CharField(max_length=8, choices=AcceptedHow, blank=True, editable=False)
    acceptance_evidence = models.CharField(max_length=500, blank=True, editable=False)

    objects = TermsQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "terms"
        constraints = [
            no_overlap(
                "payments_terms_no_overlap",
                keys=["driver"],
                starts="valid_from",
                ends="valid_to",
                of="days",
            ),
            forward("payments_terms_forward", starts="valid_from", ends="valid_to"),
            models.CheckConstraint(
                name="payments_terms_rent",
                condition=Q(rent_amount=0, rent_per="")
                | Q(rent_amount__gt=0, rent_per__in=[p.value for p in RentPer]),
            ),
            models.CheckConstraint(
                name="payments_terms_whole",
                condition=whole("rent_amount", "deposit_target_amount", "accident_excess_amount"),
            ),
            models.CheckConstraint(
                name="payments_terms_acceptance",
                condition=Q(accepted_at__isnull=True, accepted_how="")
                | Q(accepted_at__isnull=False, accepted_how__in=AcceptedHow.values),
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider", "driver", "-valid_from"], name="payments_terms_of_driver"
            ),
        ]
        permissions = [
            ("accept_own_terms", "Can accept the terms offered to oneself"),
            ("record_acceptance", "Can record that a driver signed terms on paper"),
        ]

    def __str__(self) -> str:
        return f"Terms of {told(self, 'driver')} from {date_format(self.valid_from)}"
