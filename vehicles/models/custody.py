"""Who holds a vehicle: the company over time, and the driver over time."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from vehicles.models.vehicles import Vehicle
from vehicles.querysets import AssignmentQuerySet, PeriodQuerySet
from voltop.constraints import forward, no_overlap
from voltop.words import told


class VehicleTenure(ProviderModel):
    """A vehicle is a provider's over [starts_at, ends_at): who may see and use it. Never two's."""

    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="tenures")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    objects = PeriodQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            no_overlap("vehicles_tenure_no_overlap", keys=["vehicle"]),
            forward("vehicles_tenure_forward"),
        ]
        indexes = [models.Index(fields=["provider", "starts_at"], name="vehicles_tenure_by_start")]

    def __str__(self) -> str:
        return f"{told(self, 'vehicle')} at {told(self, 'provider')}"


class AssignmentKind(models.TextChoices):
    PERMANENT = "permanent", _("usual driver")
    TEMPORARY = "temporary", _("for a time")
    SHIFT = "shift", _("on shift")


_STANDING = Q(cancelled_at__isnull=True)


def _of_kind(kind: AssignmentKind) -> Q:
    return _STANDING & Q(kind=kind.value)


class Assignment(ProviderModel):
    """A driver has a vehicle over [starts_at, ends_at); an open end is null.

    permanent: this car is usually hers; temporary: for a time another one; shift: she has it now
    (written by shifts). Per kind a car has one driver and a driver one car at a time. One that was
    called off before it began keeps its row with `cancelled_at`, and counts for nothing.
    """

    Kind = AssignmentKind

    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="assignments")
    driver = models.ForeignKey(Driver, models.PROTECT, related_name="vehicle_assignments")
    kind = models.CharField(max_length=12, choices=AssignmentKind)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="vehicles_assignment_kind_known",
                condition=Q(kind__in=AssignmentKind.values),
            ),
            forward("vehicles_assignment_forward"),
            *(
                no_overlap(f"vehicles_{kind.value}_one_{key}", keys=[key], where=_of_kind(kind))
                for kind in AssignmentKind
                for key in ("driver", "vehicle")
            ),
        ]
        indexes = [
            models.Index(fields=["vehicle", "starts_at"], name="vehicles_assignment_by_vehicle"),
            models.Index(fields=["driver", "starts_at"], name="vehicles_assignment_by_driver"),
            models.Index(fields=["provider", "id"], name="vehicles_assignment_by_id"),
        ]

    def __str__(self) -> str:
        return f"{told(self, 'vehicle')} with {told(self, 'driver')}"
