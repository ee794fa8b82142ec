"""Keys of other systems for objects of Voltop."""

from django.db import models

from fleets.models.base import ProviderModel


class ExternalRef(ProviderModel):
    """What another system calls an object: `external_id` in `system`, for any kind of object.

    object_type is the model's name ("drivers.driver"). Within a provider and system an external id
    names one object of a kind, and an object has one id: programs count drivers and cars apart.
    """

    system = models.CharField(max_length=40)
    external_id = models.CharField(max_length=120)
    object_type = models.CharField(max_length=64)
    object_id = models.BigIntegerField()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "system", "object_type", "external_id"],
                name="fleets_externalref_once",
            ),
            models.UniqueConstraint(
                fields=["provider", "object_type", "object_id", "system"],
                name="fleets_externalref_one_id",
            ),
            models.CheckConstraint(
                name="fleets_externalref_filled",
                condition=~models.Q(system="") & ~models.Q(external_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system}:{self.external_id}"
