"""Audit entries: who changed what that matters, before and after. Append-only."""

from django.db import models

from fleets.querysets import ProviderQuerySet
from voltop.models import Model


class AuditEntry(Model):
    """One privileged change, written by the service in the same transaction.

    `changes` maps a field to [before, after] (JSON values; secrets and personal values never in
    clear). `provider` is null only for platform-wide changes. Moves of a state machine are not
    here: they have their event rows.
    """

    append_only = True

    provider = models.ForeignKey(
        "fleets.FleetProvider", models.PROTECT, related_name="+", null=True, blank=True
    )
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    on_behalf_of = models.CharField(max_length=80, blank=True)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=40)
    changes = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["provider", "-id"], name="fleets_audit_provider"),
            models.Index(fields=["object_type", "object_id"], name="fleets_audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"
