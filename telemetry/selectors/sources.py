"""Sources by their credential, trackers with their vehicle, and what waits for one."""

import hashlib
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Count, F, Max, Min, OuterRef, QuerySet, Subquery

from telemetry.models import DeviceFitting, QuarantinedSample, TelemetrySource, TrackerDevice
from voltop import wire

# Asked for every batch: what Django's compiler would say, said once. Columns bear the attributes'
# names.
_FIELDS = [field.attname for field in TelemetrySource._meta.concrete_fields]
_OF_TOKEN = (
    f"SELECT {', '.join(_FIELDS)}"
    f" FROM {TelemetrySource._meta.db_table} WHERE token_hash = %b"
    " OR (previous_token_hash = %b AND previous_token_until > %b)"
)


def hash_token(raw: str) -> str:
    """What is stored of a token of 256 random bits: its SHA-256 in hex."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def source_of_token(raw: str, *, at: datetime) -> TelemetrySource | None:
    """The source whose present token this is, or the one before while that still holds."""
    hashed = hash_token(raw)
    rows = wire.execute(_OF_TOKEN, [hashed, hashed, at])
    return TelemetrySource.from_db(DEFAULT_DB_ALIAS, _FIELDS, rows[0]) if rows else None


def with_present_vehicle(rows: QuerySet[TrackerDevice]) -> QuerySet[TrackerDevice]:
    """Each tracker with `vehicle_id`, the vehicle it is in now (null: in none), and its label."""
    open_fittings = DeviceFitting.objects.unscoped().filter(
        device=OuterRef("pk"), ends_at__isnull=True, provider=OuterRef("provider")
    )
    return rows.annotate(
        vehicle_id=Subquery(open_fittings.values("vehicle_id")[:1]),
        vehicle_label=Subquery(open_fittings.values("vehicle__label")[:1]),
    )


def quarantined_devices(provider_id: int | None, limit: int = 200) -> list[dict[str, Any]]:
    """What waits, by device of the provider's own sources: the most samples first."""
    rows = (
        QuarantinedSample.objects.for_provider(provider_id)
        .values(device=F("external_id"), of_source=F("source_id"))
        .annotate(
            samples=Count("pk"),
            first_recorded_at=Min("recorded_at"),
            last_recorded_at=Max("recorded_at"),
        )
        .order_by("-samples", "of_source", "device")
    )
    return [dict(row) for row in rows[:limit]]
