"""What comes in beside the samples: batches to work on, contributions, quarantine, imports."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from telemetry.models.sources import TelemetrySource
from telemetry.querysets import OfSourceQuerySet
from voltop.models import Model


class IngestBatch(Model):
    """One stored batch: what it touched and counted. The work list of everything derived.

    Written in the batch's own transaction, so that no sample is ever forgotten; taken away by
    `services.derive_pending` once the derived data has caught up. `starts_at[i]` to `ends_at[i]`
    bound the instants of `vehicle_ids[i]` in this batch. One row a batch keeps the cost of ingest
    flat however many vehicles it holds. Platform work: samples belong to no provider.
    """

    source = models.ForeignKey(
        TelemetrySource, models.PROTECT, related_name="+", null=True, blank=True
    )
    received_at = models.DateTimeField()
    accepted_count = models.PositiveIntegerField(default=0)
    duplicate_count = models.PositiveIntegerField(default=0)
    rejected_count = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=dict, blank=True)
    vehicle_ids = ArrayField(models.BigIntegerField(), default=list)
    starts_at = ArrayField(models.DateTimeField(), default=list)
    ends_at = ArrayField(models.DateTimeField(), default=list)

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "ingest batches"

    def __str__(self) -> str:
        return f"batch {self.pk}"


class SampleContribution(Model):
    """One of several differing samples of one vehicle at one instant, as its source sent it.

    Only instants that more than one differing sample met have any; the stored sample is computed
    from all of them (`telemetry.merge`). `values` holds the scaled columns of the sample table.
    """

    vehicle_id = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source_id = models.IntegerField()
    values = models.JSONField()
    digest = models.BinaryField(max_length=16)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle_id", "recorded_at", "source_id", "digest"],
                name="telemetry_contribution_once",
            ),
        ]
        indexes = [models.Index(fields=["recorded_at"], name="telemetry_contribution_time")]

    def __str__(self) -> str:
        return f"vehicle {self.vehicle_id} at {self.recorded_at:%Y-%m-%d %H:%M:%S}"


class QuarantinedSample(Model):
    """A sample of a device that nobody has fitted to a vehicle yet: kept for a week, replayed
    once it is. `payload` is the sample as it came.
    """

    source = models.ForeignKey(TelemetrySource, models.PROTECT, related_name="quarantined")
    external_id = models.CharField(max_length=64)
    recorded_at = models.DateTimeField()
    received_at = models.DateTimeField()
    payload = models.JSONField()
    digest = models.BinaryField(max_length=16)

    objects = OfSourceQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(fields=["received_at"], name="telemetry_quarantine_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id", "recorded_at", "digest"],
                name="telemetry_quarantine_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} at {self.recorded_at:%Y-%m-%d %H:%M:%S}"


class TelemetryImport(Model):
    """A file that is being, or was, imported: where to go on after a broken run.

    `fingerprint` is SHA-256 of the file's bytes; `rows_done` counts data rows whose batch is
    committed.
    """

    source = models.ForeignKey(TelemetrySource, models.PROTECT, related_name="imports")
    file_name = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    mapping = models.CharField(max_length=40)
    rows_done = models.BigIntegerField(default=0)
    accepted_count = models.BigIntegerField(default=0)
    duplicate_count = models.BigIntegerField(default=0)
    quarantined_count = models.BigIntegerField(default=0)
    rejected_count = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OfSourceQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["source", "fingerprint", "mapping"], name="telemetry_import_once"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name
