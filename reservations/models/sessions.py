"""Charging sessions: plug-in to plug-out, as the charger saw them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from drivers.models import Driver
from fleets.models import ProviderModel
from reservations.models.bookings import Reservation
from reservations.models.places import ChargingStation, Connector, Evse
from vehicles.models import Vehicle
from voltop.constraints import no_overlap
from voltop.words import moment, told


class SessionSource(models.TextChoices):
    IMPORT = "import", _("import")
    MANUAL = "manual", _("by hand")


class ChargingSession(ProviderModel):
    """Energy that one EVSE gave to one car over [starts_at, ends_at]; a running one has no end.

    energy_wh is what the charger counted. `external_id` is the source's own id; without one the
    start on its EVSE identifies the session. A session may be empty (plugged in and out at once).
    """

    station = models.ForeignKey(ChargingStation, models.PROTECT, related_name="sessions")
    evse = models.ForeignKey(Evse, models.PROTECT, related_name="sessions")
    connector = models.ForeignKey(
        Connector, models.PROTECT, related_name="sessions", null=True, blank=True
    )
    vehicle = models.ForeignKey(
        Vehicle, models.PROTECT, related_name="charging_sessions", null=True, blank=True
    )
    driver = models.ForeignKey(
        Driver, models.PROTECT, related_name="charging_sessions", null=True, blank=True
    )
    reservation = models.OneToOneField(
        Reservation, models.PROTECT, related_name="session", null=True, blank=True
    )
    source = models.CharField(max_length=8, choices=SessionSource)
    external_id = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    energy_wh = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "evse", "external_id"], name="reservations_session_once"
            ),
            no_overlap("reservations_session_no_overlap", keys=["evse"]),
            models.CheckConstraint(
                name="reservations_session_forward",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
            ),
            models.CheckConstraint(
                name="reservations_session_energy", condition=Q(energy_wh__gte=0)
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "starts_at"], name="reservations_session_start"),
        ]

    def __str__(self) -> str:
        return f"Session at {told(self, 'station')}, {moment(self.starts_at)}"
