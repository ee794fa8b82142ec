"""The inbox: single pieces of work that wait for a person, each as long as its cause holds."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models.base import ProviderModel
from fleets.querysets import InboxQuerySet
from voltop import clock
from voltop.home import Work, all_work


class InboxState(models.TextChoices):
    OPEN = "open", _("open")
    SNOOZED = "snoozed", _("put off")
    DONE = "done", _("done")
    CLOSED = "closed", _("closed")


class InboxItem(ProviderModel):
    """One object that needs somebody for one reason (`kind`: a `voltop.home.Work` of some app).

    It is opened and closed with its cause; of one kind and object there is at most one that is
    not closed. Whoever holds the kind's permission owns it, or one person, the assignee. `done_at`
    says that a person sees nothing more to do although the cause goes on.
    """

    kind = models.CharField(max_length=60)
    object_type = models.CharField(max_length=80)
    object_id = models.BigIntegerField()
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    due_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = InboxQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "kind", "object_id"],
                condition=Q(closed_at__isnull=True),
                name="fleets_inbox_one_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider", "due_at", "id"],
                condition=Q(closed_at__isnull=True),
                name="fleets_inbox_by_due",
            ),
            models.Index(fields=["provider", "-id"], name="fleets_inbox_by_id"),
            models.Index(fields=["closed_at"], name="fleets_inbox_closed"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.object_id})"

    @property
    def work(self) -> Work | None:
        """What kind of work this is; None for a kind that is no more."""
        return all_work().get(self.kind)

    @property
    def title(self) -> Any:
        """The kind in words."""
        return self.work.title if self.work else self.kind

    @property
    def urgency(self) -> str:
        return self.work.urgency if self.work else "later"

    @property
    def state(self) -> str:
        """As it stands at this moment."""
        return self.state_at(clock.now())

    def state_at(self, at: datetime) -> str:
        if self.closed_at is not None:
            return InboxState.CLOSED
        if self.done_at is not None:
            return InboxState.DONE
        if self.snoozed_until is not None and self.snoozed_until > at:
            return InboxState.SNOOZED
        return InboxState.OPEN
