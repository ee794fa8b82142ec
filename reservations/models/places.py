"""Charging places in OCPI 2.2.1's words: station (Location), EVSE, connector."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models import Depot, ProviderModel


class HoldChannel(models.TextChoices):
    """Who else is told of a booking."""

    NONE = "none", _("Voltop's word only")
    OCPP = "ocpp", "OCPP ReserveNow"
    OCPI = "ocpi", "OCPI RESERVE_NOW"
    CSMS = "csms", _("the operator's own interface")


class ChargingStation(ProviderModel):
    """A place with chargers (OCPI Location), at a depot or elsewhere.

    country is ISO 3166-1 alpha-2; position WGS 84; opening_hours as a depot's, empty means always
    open. The three limits override the provider's policy where they are set;
    `reservation_max_min` 0 means no cap. `buffer_min` is kept free after each booking.
    """

    depot = models.ForeignKey(Depot, models.PROTECT, related_name="stations", null=True, blank=True)
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=300, blank=True)
    country = models.CharField(max_length=2)
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    time_zone = models.CharField(max_length=64)
    opening_hours = models.JSONField(default=dict, blank=True)
    bookable = models.BooleanField(default=True)
    hold_channel = models.CharField(max_length=8, choices=HoldChannel, default=HoldChannel.NONE)
    reservation_grid_min = models.PositiveSmallIntegerField(null=True, blank=True)
    reservation_max_min = models.PositiveIntegerField(null=True, blank=True)
    reservation_days_ahead = models.PositiveSmallIntegerField(null=True, blank=True)
    buffer_min = models.PositiveSmallIntegerField(default=0)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "name"],
                condition=Q(retired_at__isnull=True),
                name="reservations_station_name",
            ),
            models.CheckConstraint(
                name="reservations_station_grid",
                condition=Q(reservation_grid_min__isnull=True) | Q(reservation_grid_min__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EvseStatus(models.TextChoices):
    """OCPI 2.2.1 Status; what can be booked is AVAILABLE, CHARGING, RESERVED and UNKNOWN."""

    AVAILABLE = "AVAILABLE", _("available")
    BLOCKED = "BLOCKED", _("blocked")
    CHARGING = "CHARGING", _("charging")
    INOPERATIVE = "INOPERATIVE", _("inoperative")
    OUTOFORDER = "OUTOFORDER", _("out of order")
    PLANNED = "PLANNED", _("planned")
    REMOVED = "REMOVED", _("removed")
    RESERVED = "RESERVED", _("reserved")
    UNKNOWN = "UNKNOWN", _("unknown")


IN_SERVICE = ("AVAILABLE", "CHARGING", "RESERVED", "UNKNOWN")


class Evse(ProviderModel):
    """One charger: it serves one car at a time, whatever its plugs."""

    station = models.ForeignKey(ChargingStation, models.PROTECT, related_name="evses")
    uid = models.CharField(max_length=36)
    physical_reference = models.CharField(max_length=16, blank=True)
    status = models.CharField(max_length=16, choices=EvseStatus, default=EvseStatus.AVAILABLE)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["station", "uid"], name="reservations_evse_uid"),
            models.CheckConstraint(
                name="reservations_evse_status", condition=Q(status__in=EvseStatus.values)
            ),
        ]

    def __str__(self) -> str:
        return self.physical_reference or self.uid


class ConnectorStandard(models.TextChoices):
    """OCPI 2.2.1 ConnectorType, those that road vehicles meet."""

    CHADEMO = "CHADEMO", "CHAdeMO"
    DOMESTIC_F = "DOMESTIC_F", "Schuko"
    GBT_AC = "GBT_AC", "GB/T AC"
    GBT_DC = "GBT_DC", "GB/T DC"
    TYPE_1 = "IEC_62196_T1", _("Type 1")
    CCS_1 = "IEC_62196_T1_COMBO", "CCS 1"
    TYPE_2 = "IEC_62196_T2", _("Type 2")
    CCS_2 = "IEC_62196_T2_COMBO", "CCS 2"
    NACS = "TESLA_S", "NACS"


class PowerType(models.TextChoices):
    AC_1_PHASE = "AC_1_PHASE", _("AC, one phase")
    AC_2_PHASE = "AC_2_PHASE", _("AC, two phases")
    AC_3_PHASE = "AC_3_PHASE", _("AC, three phases")
    DC = "DC", "DC"


class Connector(ProviderModel):
    """A plug of an EVSE. max_power_kw is what it can give."""

    evse = models.ForeignKey(Evse, models.PROTECT, related_name="connectors")
    connector_id = models.CharField(max_length=36)
    standard = models.CharField(max_length=24, choices=ConnectorStandard)
    format = models.CharField(
        max_length=8, choices=[("SOCKET", _("socket")), ("CABLE", _("cable"))], default="SOCKET"
    )
    power_type = models.CharField(max_length=12, choices=PowerType)
    max_power_kw = models.DecimalField(max_digits=6, decimal_places=1)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["evse", "connector_id"], name="reservations_connector_id"
            ),
            models.CheckConstraint(
                name="reservations_connector_power", condition=Q(max_power_kw__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.evse} {self.connector_id}"
