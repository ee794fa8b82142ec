"""A vehicle's record, its timeline and its plates."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models import Depot, ProviderModel
from vehicles.models.catalogue import VehicleModel
from vehicles.querysets import PeriodQuerySet, VehicleQuerySet
from voltop.constraints import forward, no_overlap
from voltop.states import Machine, News, StateEvent


class VehicleStatus(models.TextChoices):
    IN_SERVICE = "in_service", _("in service")
    MAINTENANCE = "maintenance", _("in maintenance")
    OUT_OF_SERVICE = "out_of_service", _("out of service")
    RETIRED = "retired", _("retired")


VEHICLE_MACHINE = Machine(
    "status",
    {
        "in_service": {"maintenance", "out_of_service"},
        "maintenance": {"in_service", "out_of_service"},
        "out_of_service": {"in_service", "maintenance", "retired"},
        "retired": set(),
    },
    news=News("vehicle"),
)

_NOT_RETIRED = ~Q(status="retired")


class Vehicle(ProviderModel):
    """A car. `provider` is who holds it now; `VehicleTenure` tells who held it when.

    vin is ISO 3779; plate the present one in compact form, label what people call the car. The
    status says whether it may be used; what it is doing is `VehicleState`, from telemetry.
    """

    Status = VehicleStatus

    vin = models.CharField(max_length=17)
    plate = models.CharField(max_length=16, blank=True)
    label = models.CharField(max_length=40, blank=True)
    model = models.ForeignKey(VehicleModel, models.PROTECT, related_name="vehicles")
    depot = models.ForeignKey(Depot, models.PROTECT, related_name="vehicles", null=True, blank=True)
    status = models.CharField(
        max_length=16, choices=VehicleStatus, default=VehicleStatus.IN_SERVICE, editable=False
    )

    objects = VehicleQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "vin"],
                condition=_NOT_RETIRED,
                name="vehicles_vehicle_vin_unique",
            ),
            models.UniqueConstraint(
                fields=["provider", "plate"],
                condition=_NOT_RETIRED & ~Q(plate=""),
                name="vehicles_vehicle_plate_unique",
            ),
            models.UniqueConstraint(
                fields=["provider", "label"],
                condition=_NOT_RETIRED & ~Q(label=""),
                name="vehicles_vehicle_label_unique",
            ),
            models.CheckConstraint(
                name="vehicles_vehicle_vin_form",
                condition=Q(vin__regex=r"^[A-HJ-NPR-Z0-9]{17}$"),
            ),
            models.CheckConstraint(
                name="vehicles_vehicle_status_known", condition=Q(status__in=VehicleStatus.values)
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "status", "id"], name="vehicles_vehicle_by_status"),
        ]
        permissions = [
            ("retire_vehicle", "Can take a vehicle out of the fleet for good"),
            ("transfer_vehicle", "Can hand a vehicle to another company"),
        ]

    def __str__(self) -> str:
        return self.label or self.plate or self.vin


class VehicleEvent(StateEvent):
    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class VehiclePlate(ProviderModel):
    """The plate a vehicle bore over [starts_at, ends_at), an open end is null. Never two."""

    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="plates")
    plate = models.CharField(max_length=16)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    objects = PeriodQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            no_overlap("vehicles_plate_no_overlap", keys=["vehicle"]),
            forward("vehicles_plate_forward"),
        ]
        indexes = [
            models.Index(fields=["provider", "plate", "starts_at"], name="vehicles_plate_by_plate"),
        ]

    def __str__(self) -> str:
        return self.plate
