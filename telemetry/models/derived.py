"""What telemetry makes of samples: 15-minute buckets, trips, hired runs.

All of it can be thrown away and made again (`manage.py rebuild_telemetry`): same samples, same
rows. Kilometres are sums of whole millimetres, so that no order of adding changes a digit.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q

from drivers.models import Driver
from fleets.models import ProviderModel
from telemetry.querysets import IntervalQuerySet
from vehicles.models import Vehicle
from voltop.models import Model
from voltop.words import moment, told


def _km(**options: Any) -> "models.DecimalField":
    """Kilometres to the millimetre."""
    return models.DecimalField(max_digits=12, decimal_places=6, default=0, **options)


class Bucket(Model):
    """A quarter of an hour of one vehicle, the step from which days in any zone are added up.

    A leg is the way from one fix to the next. `km`: legs within 10 minutes; `gap_km`: legs across
    a longer silence; both without legs faster than 150 km/h (`jumps` counts those). `occupied_km`:
    legs of either kind with a fare on board at both ends. Legs that cross a quarter's end are
    shared out evenly over their time. Seconds: driving, idle, charging or offline (silent for
    more than 10 minutes); they add up to what is known of the quarter. `repeats` counts fixes at
    the very position of the one before. Energy is power × time. SoC in percent, null when unknown.
    No provider: whose it is decides the tenure at `starts_at`.
    """

    vehicle_id = models.BigIntegerField()
    starts_at = models.DateTimeField()
    km = _km()
    gap_km = _km()
    occupied_km = _km()
    driving_s = models.PositiveSmallIntegerField(default=0)
    idle_s = models.PositiveSmallIntegerField(default=0)
    charging_s = models.PositiveSmallIntegerField(default=0)
    offline_s = models.PositiveSmallIntegerField(default=0)
    occupied_s = models.PositiveSmallIntegerField(default=0)
    samples = models.PositiveIntegerField(default=0)
    jumps = models.PositiveIntegerField(default=0)
    repeats = models.PositiveIntegerField(default=0)
    soc_first_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    soc_last_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    soc_min_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    soc_max_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    used_wh = models.PositiveIntegerField(null=True, blank=True)
    charged_wh = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle_id", "starts_at"], name="telemetry_bucket_once"
            ),
        ]

    def __str__(self) -> str:
        return f"vehicle {self.vehicle_id} at {self.starts_at:%Y-%m-%d %H:%M}"


class MovingPeriod(ProviderModel):
    """A stretch of one vehicle's time, attributed to whoever had the car when it began.

    `starts_at` and `ends_at` are the instants of its first and its last fix. Provider by tenure,
    driver and depot by assignment at `starts_at`; driver null: the depot had it.
    """

    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="+")
    driver = models.ForeignKey(Driver, models.PROTECT, related_name="+", null=True, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    km = _km()
    gap_km = _km()

    objects = IntervalQuerySet.as_manager()

    class Meta:
        abstract = True


class Trip(MovingPeriod):
    """The car moved: from standing to standing, stops under five minutes included.

    Positions are where it began and ended, in degrees WGS 84. `used_wh` is battery power × time,
    null when the source sends none.
    """

    start_latitude = models.DecimalField(max_digits=9, decimal_places=7)
    start_longitude = models.DecimalField(max_digits=10, decimal_places=7)
    end_latitude = models.DecimalField(max_digits=9, decimal_places=7)
    end_longitude = models.DecimalField(max_digits=10, decimal_places=7)
    used_wh = models.IntegerField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(fields=["provider", "starts_at"], name="telemetry_trip_by_time"),
            models.Index(fields=["driver", "starts_at"], name="telemetry_trip_by_driver"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "starts_at"], name="telemetry_trip_once"),
            models.CheckConstraint(
                name="telemetry_trip_forward", condition=Q(ends_at__gte=F("starts_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"Trip of {told(self, 'vehicle')}, {moment(self.starts_at)}"


class HiredRun(MovingPeriod):
    """A run of fixes with a fare on board: paid kilometres.

    A silence does not cut it. `running_at_start`: it was already under way at the first fix that
    is known of the vehicle.
    """

    fixes = models.PositiveIntegerField(default=1)
    running_at_start = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(fields=["provider", "starts_at"], name="telemetry_run_by_time"),
            models.Index(fields=["driver", "starts_at"], name="telemetry_run_by_driver"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "starts_at"], name="telemetry_run_once"),
            models.CheckConstraint(
                name="telemetry_run_forward", condition=Q(ends_at__gte=F("starts_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"Hired run of {told(self, 'vehicle')}, {moment(self.starts_at)}"
