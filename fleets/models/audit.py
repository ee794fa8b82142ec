"""Audit entries (who changed what that matters, before and after) and the chain that seals them.

Both are append-only. Entries are written by the services (`fleets.audit`), seals afterwards by one
writer (`fleets.services.sealing`).
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.querysets import ProviderQuerySet
from voltop.models import Model


class AuditEntry(Model):
    """One privileged change, written by the service in the same transaction.

    `changes` maps a field to [before, after]: JSON values, a secret as "•", a personal value
    encrypted under the key of `subject`, so that erasing the person voids it and nothing else.
    `provider` is null only for platform-wide changes. Moves of a state machine are not here: they
    have their event rows.
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
    subject = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "audit entries"
        permissions = [("reveal_auditentry", "Can see personal values of audit entries")]
        indexes = [
            models.Index(fields=["created_at", "id"], name="fleets_audit_written"),
            models.Index(fields=["provider", "-id"], name="fleets_audit_provider"),
            models.Index(fields=["object_type", "object_id"], name="fleets_audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class AuditSeal(Model):
    """One link of a provider's chain (of the platform's where `provider` is null).

    `hash` is keyed and covers every column of the entry, `n` and `prev_hash`; `n` counts from 1
    without gaps. Links are in the order of sealing, which is about that of writing.
    """

    append_only = True

    provider = models.ForeignKey(
        "fleets.FleetProvider", models.PROTECT, related_name="+", null=True
    )
    entry = models.OneToOneField(AuditEntry, models.PROTECT, related_name="seal")
    n = models.BigIntegerField()
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = _("audit seal")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "n"], nulls_distinct=False, name="fleets_auditseal_n"
            ),
            models.CheckConstraint(condition=Q(n__gte=1), name="fleets_auditseal_n_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.n}"
