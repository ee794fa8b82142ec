"""What is known of a vehicle now, and what it did on each local day."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from fleets.models import ProviderModel
from vehicles.models.vehicles import Vehicle
from vehicles.querysets import VehicleStateQuerySet
from voltop.models import Model
from voltop.words import told


class Charging(models.TextChoices):
    NONE = "none", _("not charging")
    AC = "ac", _("AC")
    DC = "dc", _("DC")


class Activity(models.TextChoices):
    """What telemetry saw last. Silence is not stored: it is `last_seen_at` against the clock."""

    DRIVING = "driving", _("driving")
    IDLE = "idle", _("standing, switched on")
    PARKED = "parked", _("parked")
    CHARGING = "charging", _("charging")


class VehicleState(Model):
    """The newest values of a vehicle, each group with the time it was measured.

    Position in degrees (WGS 84), speed km/h, heading degrees from north; battery_power_kw is +
    when discharging and − when charging. Floats: they are measurements. Nothing measured before
    `held_from` is taken: it belongs to whoever held the car before.

    Written in one place (`services.merge_states`), many times a second: the row is narrow, bears
    no index but its key, and its table keeps 40 % of each page free, so that updates stay on it.
    """

    vehicle = models.OneToOneField(Vehicle, models.PROTECT, related_name="state", primary_key=True)
    held_from = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True, blank=True)
    position_at = models.DateTimeField(null=True, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    speed_kmh = models.FloatField(null=True, blank=True)
    heading_deg = models.FloatField(null=True, blank=True)
    soc_at = models.DateTimeField(null=True, blank=True)
    soc_pct = models.FloatField(null=True, blank=True)
    range_km = models.FloatField(null=True, blank=True)
    odometer_at = models.DateTimeField(null=True, blank=True)
    odometer_km = models.FloatField(null=True, blank=True)
    charging_at = models.DateTimeField(null=True, blank=True)
    charging = models.CharField(max_length=4, choices=Charging, null=True, blank=True)  # noqa: DJ001
    plugged = models.BooleanField(null=True, blank=True)
    battery_power_kw = models.FloatField(null=True, blank=True)
    activity_at = models.DateTimeField(null=True, blank=True)
    activity = models.CharField(max_length=8, choices=Activity, null=True, blank=True)  # noqa: DJ001
    activity_since_at = models.DateTimeField(null=True, blank=True)
    occupied_at = models.DateTimeField(null=True, blank=True)
    occupied = models.BooleanField(null=True, blank=True)

    objects = VehicleStateQuerySet.as_manager()

    class Meta:
        ordering = ("vehicle_id",)

    def __str__(self) -> str:
        return f"State of {told(self, 'vehicle')}"


def _km() -> "models.DecimalField":
    """Kilometres to the millimetre."""
    return models.DecimalField(max_digits=12, decimal_places=6, default=0)


def _seconds() -> "models.PositiveIntegerField":
    return models.PositiveIntegerField(default=0)


class VehicleDay(ProviderModel):
    """What a vehicle did for one provider on one local day; sums, so that days add up to weeks.

    `on` is the date in `time_zone`, `day_s` that day's length in it (82,800, 86,400 or 90,000; on
    a day of transfer still the whole day). km are legs between fixes, gap_km legs across
    silences; paid_km and paid_s those of either with a fare on board. covered_s: the time of
    which something is known. Energy in Wh, null where the source sends none.
    """

    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="days")
    on = models.DateField()
    time_zone = models.CharField(max_length=64)
    day_s = models.PositiveIntegerField()
    km = _km()
    gap_km = _km()
    paid_km = _km()
    driving_s = _seconds()
    idle_s = _seconds()
    charging_s = _seconds()
    offline_s = _seconds()
    paid_s = _seconds()
    covered_s = _seconds()
    used_wh = models.IntegerField(null=True, blank=True)
    charged_wh = models.IntegerField(null=True, blank=True)
    soc_min_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    soc_max_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    trips = models.PositiveIntegerField(default=0)
    samples = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "on", "provider"], name="vehicles_day_once"),
            models.CheckConstraint(
                name="vehicles_day_sane",
                condition=Q(km__gte=0, gap_km__gte=0, paid_km__gte=0, day_s__gt=0),
            ),
        ]
        indexes = [models.Index(fields=["provider", "on", "id"], name="vehicles_day_by_date")]

    def __str__(self) -> str:
        return f"{told(self, 'vehicle')} on {date_format(self.on)}"

    @property
    def empty_km(self) -> Decimal:
        """Driven without a fare, silences included."""
        return self.km + self.gap_km - self.paid_km

    @property
    def wh_per_km(self) -> Decimal | None:
        return _ratio(self.used_wh, self.km, 1)

    @property
    def utilisation_pct(self) -> Decimal | None:
        """Time with a fare on board, of the whole day."""
        return _ratio(self.paid_s, self.day_s, 100)

    @property
    def coverage_pct(self) -> Decimal | None:
        return _ratio(self.covered_s, self.day_s, 100)


def _ratio(part: Any, whole: Any, factor: int) -> Decimal | None:
    if part is None or not whole:
        return None
    return (Decimal(part) * factor / Decimal(whole)).quantize(Decimal("0.1"))
