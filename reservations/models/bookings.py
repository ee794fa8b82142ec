"""Reservations: who may plug in where and when. The database refuses overlaps."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from reservations.models.places import ChargingStation, Connector, Evse
from reservations.querysets import ReservationQuerySet
from shifts.models import Shift
from vehicles.models import Vehicle
from voltop.constraints import forward, no_overlap
from voltop.states import Machine, News, StateEvent
from voltop.words import moment, told


class ReservationStatus(models.TextChoices):
    """OCPI Bookings 1.1."""

    PENDING = "pending", _("pending")
    RESERVED = "reserved", _("reserved")
    FULFILLED = "fulfilled", _("fulfilled")
    REJECTED = "rejected", _("rejected")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")
    NO_SHOW = "no_show", _("no show")


RESERVATION_MACHINE = Machine(
    "status",
    {
        "pending": {"reserved", "rejected", "failed", "canceled"},
        "reserved": {"fulfilled", "canceled", "no_show", "failed"},
        "fulfilled": set(),
        "rejected": set(),
        "failed": set(),
        "canceled": set(),
        "no_show": set(),
    },
    news=News("reservation", ids=("vehicle", "driver", "station", "evse")),
)

BLOCKING = ("pending", "reserved", "fulfilled")


class ReservationKind(models.TextChoices):
    DRIVER = "driver", _("by the driver")
    DISPATCHER = "dispatcher", _("by a dispatcher")
    DEPOT_PLAN = "depot_plan", _("by a depot's plan")


class CancelReason(models.TextChoices):
    """OCPI Bookings' CancellationReason, as far as Voltop uses it."""

    DRIVER = "driver", _("the driver does not come")
    DISPATCHER = "dispatcher", _("called off by a dispatcher")
    CHARGER = "charger", _("the charger is out of order")
    VEHICLE = "vehicle", _("the vehicle is not available")


class Reservation(ProviderModel):
    """A booking of an EVSE (and a plug on it) for a vehicle over [starts_at, ends_at).

    `blocked_until` is the end plus the station's buffer: what other bookings must keep clear of.
    A driver is optional for plans; a shift makes the booking follow its car.
    """

    Status = ReservationStatus

    station = models.ForeignKey(ChargingStation, models.PROTECT, related_name="reservations")
    evse = models.ForeignKey(Evse, models.PROTECT, related_name="reservations")
    connector = models.ForeignKey(Connector, models.PROTECT, related_name="reservations")
    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="reservations")
    driver = models.ForeignKey(
        Driver, models.PROTECT, related_name="reservations", null=True, blank=True
    )
    shift = models.ForeignKey(
        Shift, models.PROTECT, related_name="reservations", null=True, blank=True
    )
    kind = models.CharField(max_length=12, choices=ReservationKind)
    status = models.CharField(max_length=12, choices=ReservationStatus, editable=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    blocked_until = models.DateTimeField(editable=False)
    target_soc_pct = models.PositiveSmallIntegerField(null=True, blank=True)
    checked_in_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_reason = models.CharField(max_length=12, choices=CancelReason, blank=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            no_overlap(
                "reservations_evse_taken",
                keys=["evse"],
                ends="blocked_until",
                not_null=["blocked_until"],
                where=Q(status__in=BLOCKING),
            ),
            no_overlap(
                "reservations_vehicle_taken",
                keys=["provider", "vehicle"],
                not_null=["ends_at"],
                where=Q(status__in=BLOCKING),
            ),
            forward("reservations_reservation_forward"),
            models.CheckConstraint(
                name="reservations_reservation_buffer",
                condition=Q(blocked_until__gte=F("ends_at")),
            ),
            models.CheckConstraint(
                name="reservations_reservation_status",
                condition=Q(status__in=ReservationStatus.values),
            ),
            models.CheckConstraint(
                name="reservations_reservation_canceled",
                condition=Q(status="canceled") | Q(cancel_reason=""),
            ),
            models.CheckConstraint(
                name="reservations_reservation_soc",
                condition=Q(target_soc_pct__isnull=True) | Q(target_soc_pct__lte=100),
            ),
        ]
        indexes = [
            models.Index(fields=["evse", "starts_at"], name="reservations_by_evse"),
            models.Index(fields=["provider", "status", "starts_at"], name="reservations_by_status"),
        ]
        permissions = [("book_as_driver", "Can book chargers as a driver")]

    def __str__(self) -> str:
        return f"Booking of {told(self, 'vehicle')}, {moment(self.starts_at)}"


class ReservationEvent(StateEvent):
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass
