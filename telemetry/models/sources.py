"""Where telemetry comes from: sources with their credential, and trackers fitted to vehicles."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models import ProviderModel
from telemetry.querysets import DeviceFittingQuerySet
from vehicles.models import Vehicle
from voltop.constraints import forward, no_overlap
from voltop.words import moment, told


class SourceKind(models.TextChoices):
    API = "api", _("batch API")
    FILE = "file", _("file import")


class TelemetrySource(ProviderModel):
    """Something that sends samples: of one provider, or (provider null) of the platform.

    A platform source serves several companies: its samples go to whoever holds the vehicle at
    that time. `token_hash` is SHA-256 of the bearer token in hex; the token before it still works
    until `previous_token_until`. `priority` decides between sources that disagree about one
    instant: the lower number wins. Counters are folded in from `IngestBatch` within seconds.
    """

    Kind = SourceKind

    provider = models.ForeignKey(  # type: ignore[assignment]
        "fleets.FleetProvider", models.PROTECT, related_name="+", null=True, blank=True
    )
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=SourceKind, default=SourceKind.API)
    priority = models.PositiveSmallIntegerField(default=100)
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001
    previous_token_hash = models.CharField(  # noqa: DJ001 (null: several rows may have none)
        max_length=64, null=True, unique=True, editable=False
    )
    previous_token_until = models.DateTimeField(null=True, blank=True, editable=False)
    token_rotated_at = models.DateTimeField(null=True, blank=True, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    accepted_count = models.BigIntegerField(default=0, editable=False)
    duplicate_count = models.BigIntegerField(default=0, editable=False)
    rejected_count = models.BigIntegerField(default=0, editable=False)
    last_received_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_errors = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        permissions = [("send_samples", "Can send samples (sources only)")]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "name"],
                nulls_distinct=False,
                name="telemetry_source_name_unique",
            ),
            models.CheckConstraint(
                name="telemetry_source_token_hashed",
                condition=Q(token_hash__isnull=True) | Q(token_hash__regex=r"^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="telemetry_source_kind_known", condition=Q(kind__in=SourceKind.values)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TrackerDevice(ProviderModel):
    """A tracker as its source names it. Which vehicle it is in, and when, say its fittings."""

    source = models.ForeignKey(TelemetrySource, models.PROTECT, related_name="devices")
    external_id = models.CharField(max_length=64)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"], name="telemetry_device_unique_per_source"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class DeviceFitting(ProviderModel):
    """A tracker in a vehicle over [starts_at, ends_at); an open end is null. Never in two cars."""

    device = models.ForeignKey(TrackerDevice, models.PROTECT, related_name="fittings")
    vehicle = models.ForeignKey(Vehicle, models.PROTECT, related_name="device_fittings")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    objects = DeviceFittingQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            forward("telemetry_fitting_forward"),
            no_overlap("telemetry_fitting_no_overlap", keys=["device"]),
        ]

    def __str__(self) -> str:
        return f"{told(self, 'device')} in {told(self, 'vehicle')} from {moment(self.starts_at)}"
