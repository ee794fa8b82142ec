"""The shared catalogue of vehicle types: filled by the platform, read by all."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from vehicles.models import VehicleModel

KEY = ("make", "model", "year")


@transaction.atomic
def save_models(rows: Iterable[dict[str, Any]]) -> int:
    """Create or correct vehicle types by make, model and year; returns how many rows were read."""
    models = [VehicleModel(**row) for row in rows]
    values = [
        field.name
        for field in VehicleModel._meta.fields
        if field.editable and not field.primary_key and field.name not in KEY
    ]
    VehicleModel.objects.bulk_create(
        models, update_conflicts=True, unique_fields=KEY, update_fields=values
    )
    return len(models)
