"""The base of every row that belongs to a provider."""

from django.db import models

from fleets.querysets import ProviderQuerySet
from voltop.models import Model


class ProviderModel(Model):
    """A row of exactly one provider (the tenant), even where a parent row says so already."""

    provider = models.ForeignKey("fleets.FleetProvider", models.PROTECT, related_name="+")

    objects = ProviderQuerySet.as_manager()

    class Meta:
        abstract = True
