"""A driver's record at one provider, its timeline, and the engagements in law."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drivers import identities
from drivers.querysets import DriverQuerySet, EngagementQuerySet
from fleets.models import Depot, ProviderModel
from voltop.constraints import forward, no_overlap
from voltop.states import Machine, News, StateEvent


class DriverStatus(models.TextChoices):
    INVITED = "invited", _("invited")
    ONBOARDING = "onboarding", _("onboarding")
    ACTIVE = "active", _("active")
    SUSPENDED = "suspended", _("suspended")
    LEAVING = "leaving", _("leaving")
    TERMINATED = "terminated", _("terminated")


DRIVER_MACHINE = Machine(
    "status",
    {
        "invited": {"onboarding", "terminated"},
        "onboarding": {"active", "terminated"},
        "active": {"suspended", "leaving"},
        "suspended": {"active", "leaving"},
        "leaving": {"active", "terminated"},
        "terminated": set(),
    },
    news=News("driver"),
)


class Driver(ProviderModel):
    """A person who drives for a provider. One person may drive for two: two records.

    phone is E.164; hired_on and birth_date are local dates; language is the one the driver is
    spoken to in. `national_id`, the number of the person's identity document, is kept under the
    driver's key (`drivers.identities`); `identity_fingerprint` finds it again at another driver.
    Whatever staff do with the record, the person has `joined_at` only by an act of their own there.
    """

    Status = DriverStatus

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="driver_records"
    )
    depot = models.ForeignKey(Depot, models.PROTECT, related_name="drivers", null=True, blank=True)
    employee_number = models.CharField(max_length=32, blank=True)
    given_name = models.CharField(max_length=80)
    family_name = models.CharField(max_length=80)
    phone = models.CharField(max_length=16, blank=True)
    email = models.EmailField(blank=True)
    identity_sealed = models.BinaryField(default=b"", editable=False)
    identity_fingerprint = models.BinaryField(null=True, editable=False)
    birth_date = models.DateField(null=True, blank=True)
    language = models.CharField(max_length=5, default="en")
    emergency_contact_name = models.CharField(max_length=120, blank=True)
    emergency_contact_phone = models.CharField(max_length=16, blank=True)
    hired_on = models.DateField(null=True, blank=True)
    status = models.CharField(
        max_length=16, choices=DriverStatus, default=DriverStatus.INVITED, editable=False
    )
    joined_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = DriverQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "user"], name="drivers_driver_one_per_user"
            ),
            models.UniqueConstraint(
                fields=["provider", "employee_number"],
                condition=~Q(employee_number=""),
                name="drivers_driver_employee_number",
            ),
            models.CheckConstraint(
                name="drivers_driver_status_known", condition=Q(status__in=DriverStatus.values)
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "status", "id"], name="drivers_driver_by_status"),
            models.Index(
                fields=["provider", "identity_fingerprint"],
                condition=Q(identity_fingerprint__isnull=False),
                name="drivers_driver_by_identity",
            ),
            models.Index(
                fields=["provider", "phone"],
                condition=~Q(phone=""),
                name="drivers_driver_by_phone",
            ),
        ]
        permissions = [
            ("terminate_driver", "Can end a driver's work for good"),
            ("erase_driver", "Can erase a driver who has left, for good"),
            ("override_settlement", "Can end it with money matters still open, with a reason"),
            ("view_identity", "Can see a driver's identity number and date of birth"),
            ("own_day", "Can use the driver's app"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def national_id(self) -> str:
        """In clear, for whoever has `view_identity`; empty where it is unknown, or was erased."""
        identities.open_all([self])
        return self.opened_identity[1]

    opened_identity: tuple[bytes, str] = (b"", "")


class DriverEvent(StateEvent):
    driver = models.ForeignKey(Driver, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class EngagementKind(models.TextChoices):
    EMPLOYEE = "employee", _("employee")
    CONTRACTOR = "contractor", _("contractor")
    RENTER = "renter", _("renter")


class Engagement(ProviderModel):
    """What a driver is to the company in law, over time: what pay plans and limits look at.

    Half-open in local days: [starts_on, ends_on); an open end is null. Never two at once.
    """

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="engagements")
    kind = models.CharField(max_length=16, choices=EngagementKind)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    cost_centre = models.CharField(max_length=32, blank=True)

    objects = EngagementQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="drivers_engagement_kind_known", condition=Q(kind__in=EngagementKind.values)
            ),
            forward("drivers_engagement_forward", starts="starts_on", ends="ends_on"),
            no_overlap(
                "drivers_engagement_no_overlap",
                keys=["driver"],
                starts="starts_on",
                ends="ends_on",
                of="days",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {self.starts_on}"
