"""A message to many drivers at once."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models.conversations import Topic
from fleets.models import Depot, ProviderModel
from voltop.jobs import Job, failures
from voltop.querysets import ProviderQuerySet


class Announcement(ProviderModel):
    """What a person of the staff wrote to many drivers; each gets it as a conversation of its own.

    `audience` is a name of `voltop.registry.AUDIENCES` ("on_shift"), empty: all; `depot` narrows
    it. Whom it goes to is fixed when it is written; how far it is stands in its `job`.
    """

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    topic = models.CharField(max_length=16, choices=Topic, default=Topic.OTHER)
    body = models.TextField(max_length=4000)
    depot = models.ForeignKey(Depot, models.PROTECT, related_name="+", null=True, blank=True)
    audience = models.CharField(max_length=24, blank=True)
    job = models.OneToOneField(Job, models.PROTECT, related_name="+", editable=False)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "message to many"
        verbose_name_plural = "messages to many"
        constraints = [
            models.CheckConstraint(name="chat_announcement_not_empty", condition=~Q(body=""))
        ]

    @property
    def missed_drivers(self) -> list[int]:
        """Keys of the drivers to whom it could not be written."""
        return [self.job.params["drivers"][each["unit"]] for each in failures(self.job)]

    @property
    def written(self) -> int:
        """To how many drivers it was written, or would have been, had they not left meanwhile."""
        return self.job.done - len(failures(self.job))

    def __str__(self) -> str:
        return self.body if len(self.body) <= 60 else f"{self.body[:57]}…"
