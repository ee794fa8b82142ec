"""The catalogue of vehicle types, shared by all providers."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from vehicles.querysets import CatalogueQuerySet
from voltop.models import Model


class Inlet(models.TextChoices):
    """OCPI 2.2.1 ConnectorType, as far as road vehicles carry them."""

    CHADEMO = "CHADEMO", "CHAdeMO"
    GBT_AC = "GBT_AC", "GB/T AC"
    GBT_DC = "GBT_DC", "GB/T DC"
    TYPE_1 = "IEC_62196_T1", _("Type 1")
    CCS_1 = "IEC_62196_T1_COMBO", "CCS 1"
    TYPE_2 = "IEC_62196_T2", _("Type 2")
    CCS_2 = "IEC_62196_T2_COMBO", "CCS 2"
    NACS = "TESLA_S", "NACS"


class VehicleModel(Model):
    """One model of one year, as sold. The trim is part of `model`.

    usable_battery_kwh is what can be drawn (net); range_km the rated one; ac_max_kw and dc_max_kw
    what the car takes (dc null: no fast charging); inlets are OCPI connector standards.
    """

    shared_catalogue = True

    make = models.CharField(max_length=60)
    model = models.CharField(max_length=120)
    year = models.PositiveSmallIntegerField()
    usable_battery_kwh = models.DecimalField(max_digits=5, decimal_places=1)
    range_km = models.PositiveSmallIntegerField(null=True, blank=True)
    consumption_wh_per_km = models.PositiveSmallIntegerField(null=True, blank=True)
    ac_max_kw = models.DecimalField(max_digits=5, decimal_places=1)
    dc_max_kw = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    inlets = ArrayField(models.CharField(max_length=24, choices=Inlet), default=list, blank=True)

    objects = CatalogueQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["make", "model", "year"], name="vehicles_model_once_a_year"
            ),
            models.CheckConstraint(
                name="vehicles_model_figures",
                condition=Q(usable_battery_kwh__gt=0)
                & Q(ac_max_kw__gte=0)
                & (Q(dc_max_kw__isnull=True) | Q(dc_max_kw__gt=0))
                & Q(year__gte=1990, year__lte=2100),
            ),
            models.CheckConstraint(
                name="vehicles_model_inlets_known",
                condition=Q(inlets__contained_by=list(Inlet.values)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.make} {self.model} {self.year}"
