"""Fleet providers (the tenants), the rules each has set for itself, and their depots."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models.base import ProviderModel
from fleets.papers import demandable
from fleets.querysets import FleetProviderQuerySet
from voltop.models import Model
from voltop.states import Machine, StateEvent
from voltop.words import told


class FleetProviderStatus(models.TextChoices):
    ONBOARDING = "onboarding", _("onboarding")
    ACTIVE = "active", _("active")
    SUSPENDED = "suspended", _("suspended")
    CLOSED = "closed", _("closed")


BEGINNING = (FleetProviderStatus.ONBOARDING, FleetProviderStatus.ACTIVE)
"""A company in one of these may begin something new; a suspended one finishes what runs."""

PROVIDER_MACHINE = Machine(
    "status",
    {
        "onboarding": {"active", "closed"},
        "active": {"suspended"},
        "suspended": {"active", "closed"},
        "closed": set(),
    },
)


class FleetProvider(Model):
    """A company that runs electric vehicles and drivers on Voltop.

    country is ISO 3166-1 alpha-2, currency ISO 4217, time_zone an IANA name. The three limits
    bound what the company may create; they are checked under a lock on this row.
    `sandbox_of`: this is no real company but the one that an integrator's client tests with.
    """

    Status = FleetProviderStatus

    name = models.CharField(max_length=120)
    legal_name = models.CharField(max_length=200, blank=True)
    tax_id = models.CharField(max_length=32, blank=True)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    language = models.CharField(max_length=5, default="en")
    status = models.CharField(
        max_length=16, choices=FleetProviderStatus, default=FleetProviderStatus.ONBOARDING
    )
    max_drivers = models.PositiveIntegerField(default=1000)
    max_vehicles = models.PositiveIntegerField(default=1000)
    max_users = models.PositiveIntegerField(default=100)
    sandbox_of = models.ForeignKey(
        "fleets.ApiClient",
        models.PROTECT,
        related_name="sandboxes",
        null=True,
        blank=True,
        editable=False,
    )

    objects = FleetProviderQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="fleets_provider_status_known",
                condition=Q(status__in=FleetProviderStatus.values),
            ),
            models.UniqueConstraint(
                fields=["sandbox_of"],
                condition=~Q(status="closed"),
                name="fleets_provider_one_sandbox",
            ),
        ]
        permissions = [
            ("reset_sandbox", "May begin anew with a company for tests, from inside"),
            ("view_all_providers", "May see the data of every provider (platform staff)"),
            ("view_events", "May read the feed of events"),
        ]

    def __str__(self) -> str:
        return f"{_('Test')}: {self.name}" if self.is_sandbox else self.name

    @property
    def provider_id(self) -> int:
        """A provider belongs to itself, so that scoping treats it like any other row."""
        return self.pk

    @property
    def is_sandbox(self) -> bool:
        """Whether it is a company for tests (`fleets.services.sandboxes`)."""
        return self.sandbox_of_id is not None


class FleetProviderEvent(StateEvent):
    provider_id = None  # the foreign key below brings the column
    provider = models.ForeignKey(FleetProvider, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


def staff_roles(value: object) -> None:
    """A list of roles of staff, none twice."""
    from fleets.roles import STAFF_ROLES  # stands on the models

    known = isinstance(value, list) and all(role in STAFF_ROLES for role in value)
    if not known or len(set(value)) != len(value):  # type: ignore[arg-type, call-overload]
        raise ValidationError(_('A list of roles, like ["owner"].'), code="invalid_choice")


def _percent(default: int) -> "models.PositiveSmallIntegerField":
    return models.PositiveSmallIntegerField(default=default, validators=[MaxValueValidator(100)])


def _money_limit() -> "models.DecimalField":
    """Of money in the company's currency; null is no limit, 0 allows nothing."""
    return models.DecimalField(
        max_digits=19,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )


class FleetPolicy(ProviderModel):
    """A provider's rules in one place, seeded from its country pack (`fleets.country_packs`).

    Hours are local-law figures; null means that no rule is set. Every change is audited.
    """

    class FaceCheck(models.TextChoices):
        NEVER = "never", _("never")
        RANDOM = "random", _("at random")
        ALWAYS = "always", _("always")
        NEW_PHONE = "new_phone", _("on a new phone")

    class FaceUnavailable(models.TextChoices):
        ALLOW = "allow", _("go on all the same, and be looked at")
        BLOCK = "block", _("do not go on")

    class FaceLogin(models.TextChoices):
        NEVER = "never", _("never")
        ALWAYS = "always", _("always")
        NEW_PHONE = "new_phone", _("on a new phone")

    provider = models.OneToOneField(FleetProvider, models.PROTECT, related_name="policy")
    holiday_region = models.CharField(max_length=16, blank=True)
    min_rest_h = models.DecimalField(
        max_digits=4,
        decimal_places=1,
        default=Decimal("8"),
        validators=[MinValueValidator(Decimal("0")), MaxValueValidator(Decimal("168"))],
    )
    shift_max_h = models.DecimalField(
        max_digits=4,
        decimal_places=1,
        default=Decimal("12"),
        validators=[MinValueValidator(Decimal("0.5")), MaxValueValidator(Decimal("168"))],
    )
    daily_limit_h = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)
    weekly_limit_h = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    break_after_h = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)
    break_min = models.PositiveSmallIntegerField(default=0)
    deduction_cap_pct = _percent(100)
    deduction_basis = models.CharField(max_length=200, blank=True)
    payout_rails = models.JSONField(default=list)
    driver_documents = models.JSONField(default=list, blank=True, validators=[demandable])
    vehicle_documents = models.JSONField(default=list)
    min_soc_to_start_pct = _percent(20)
    low_soc_pct = _percent(15)
    face_check = models.CharField(max_length=16, choices=FaceCheck, default=FaceCheck.NEVER)
    face_check_pct = _percent(0)
    face_login = models.CharField(max_length=16, choices=FaceLogin, default=FaceLogin.NEVER)
    face_check_valid_h = models.PositiveSmallIntegerField(
        default=12, validators=[MinValueValidator(1), MaxValueValidator(168)]
    )
    face_max_distance = models.DecimalField(
        max_digits=3,
        decimal_places=2,
        default=Decimal("0.50"),
        validators=[MinValueValidator(Decimal("0.20")), MaxValueValidator(Decimal("0.60"))],
    )
    face_unavailable = models.CharField(
        max_length=16, choices=FaceUnavailable, default=FaceUnavailable.ALLOW
    )
    shift_grace_min = models.PositiveSmallIntegerField(default=15)
    unplanned_shifts = models.BooleanField(default=True)
    reservation_max_min = models.PositiveIntegerField(default=240)
    reservation_days_ahead = models.PositiveSmallIntegerField(default=2)
    reservations_open_per_driver = models.PositiveSmallIntegerField(default=2)
    reservation_grid_min = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(1)]
    )
    reservation_no_show_limit = models.PositiveSmallIntegerField(default=3)
    reservation_grace_min = models.PositiveSmallIntegerField(default=15)
    four_eyes = models.BooleanField(default=True)
    second_factor_roles = models.JSONField(default=list, blank=True, validators=[staff_roles])
    approval_second_factor = models.BooleanField(default=False)
    debt_warn_amount = _money_limit()
    debt_block_amount = _money_limit()
    offline_after_min = models.PositiveSmallIntegerField(default=30)
    speed_limit_kmh = models.PositiveSmallIntegerField(default=120)
    telemetry_retention_days = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(36_525)]
    )
    conversation_retention_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(30), MaxValueValidator(3650)]
    )
    driver_erasure_days = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(36_525)]
    )

    class Meta:
        verbose_name_plural = "fleet policies"
        constraints = [
            models.CheckConstraint(
                name="fleets_policy_percentages",
                condition=Q(deduction_cap_pct__lte=100)
                & Q(min_soc_to_start_pct__lte=100)
                & Q(low_soc_pct__lte=100)
                & Q(face_check_pct__lte=100),
            ),
            models.CheckConstraint(
                name="fleets_policy_grid_positive", condition=Q(reservation_grid_min__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"Rules of {told(self, 'provider')}"

    @property
    def wants_faces(self) -> bool:
        """Whether any rule asks for a face; where none does, nothing of faces is kept."""
        return self.face_check != self.FaceCheck.NEVER or self.face_login != self.FaceLogin.NEVER


class Depot(ProviderModel):
    """A place where vehicles stand, charge and are handed over.

    geofence_radius_m is around (latitude, longitude), WGS 84. grid_limit_kw binds the sum of the
    depot's chargers. opening_hours: {"mon": [["06:00", "22:00"], …], …} in local time; empty means
    always open. Never deleted: retired.
    """

    name = models.CharField(max_length=120)
    address = models.CharField(max_length=300, blank=True)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    geofence_radius_m = models.PositiveIntegerField(default=150)
    time_zone = models.CharField(max_length=64)
    holiday_region = models.CharField(max_length=16, blank=True)
    grid_limit_kw = models.DecimalField(max_digits=8, decimal_places=1, null=True, blank=True)
    opening_hours = models.JSONField(default=dict, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "name"],
                condition=Q(retired_at__isnull=True),
                name="fleets_depot_name_unique",
            ),
            models.CheckConstraint(
                name="fleets_depot_position",
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__gte=-90,
                    latitude__lte=90,
                    longitude__gte=-180,
                    longitude__lte=180,
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name
