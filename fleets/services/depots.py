"""Depots: making, changing, retiring."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from fleets import audit
from fleets.errors import DepotNameTaken, DepotRetired, InvalidOpeningHours, InvalidPosition
from fleets.models import Depot, FleetProvider
from fleets.services.providers import require_active
from voltop import clock
from voltop.context import Actor

CHANGEABLE = {
    "name",
    "address",
    "latitude",
    "longitude",
    "geofence_radius_m",
    "time_zone",
    "holiday_region",
    "grid_limit_kw",
    "opening_hours",
}
WEEKDAYS = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


@transaction.atomic
def create_depot(
    provider: FleetProvider, *, actor: Actor, name: str, at: datetime | None = None, **values: Any
) -> Depot:
    """A new depot; its zone is the provider's unless said otherwise.

    Raises ProviderNotActive, DepotNameTaken (409), UnknownTimezone, InvalidOpeningHours,
    InvalidPosition (400).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    require_active(provider)
    values = {"time_zone": provider.time_zone, "name": name, **values}
    _check(provider.pk, values)
    _check_position(values.get("latitude"), values.get("longitude"))
    depot = Depot.objects.create(provider=provider, **values)
    audit.record("depot.created", depot, actor=actor, at=at)
    depot.refresh_from_db()
    return depot


@transaction.atomic
def update_depot(depot: Depot, *, actor: Actor, at: datetime | None = None, **values: Any) -> Depot:
    """Change a depot that is in use. Raises DepotRetired, DepotNameTaken (409)."""
    at = at or clock.now()
    actor.require_same_provider(depot)
    depot = Depot.objects.select_for_update(no_key=True).get(pk=depot.pk)
    if depot.retired_at is not None:
        raise DepotRetired()
    _check(depot.provider_id, values, but=depot.pk)
    _check_position(
        values.get("latitude", depot.latitude), values.get("longitude", depot.longitude)
    )
    changes = audit.diff(depot, values)
    if changes:
        Depot.objects.filter(pk=depot.pk).update(**values)
        audit.record("depot.changed", depot, actor=actor, at=at, changes=changes)
        depot.refresh_from_db()
    return depot


@transaction.atomic
def retire_depot(
    depot: Depot, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Depot:
    """Take a depot out of use; retiring twice changes nothing. What it held keeps its history."""
    at = at or clock.now()
    actor.require_same_provider(depot)
    if Depot.objects.filter(pk=depot.pk, retired_at__isnull=True).update(retired_at=at):
        audit.record("depot.retired", depot, actor=actor, at=at, reason=reason)
    depot.refresh_from_db()
    return depot


def _check(provider_id: int, values: dict[str, Any], *, but: int | None = None) -> None:
    if unknown := values.keys() - CHANGEABLE:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    if "time_zone" in values:
        clock.zone(values["time_zone"])
    if "opening_hours" in values:
        check_opening_hours(values["opening_hours"])
    if "name" in values:
        named = Depot.objects.for_provider(provider_id).filter(
            name=values["name"], retired_at__isnull=True
        )
        if named.exclude(pk=but or 0).exists():
            raise DepotNameTaken(field="name")


def _check_position(latitude: Any, longitude: Any) -> None:
    if (latitude is None) != (longitude is None):
        raise InvalidPosition(field="longitude" if longitude is None else "latitude")
    if latitude is not None and not (-90 <= Decimal(latitude) <= 90):
        raise InvalidPosition(field="latitude")
    if longitude is not None and not (-180 <= Decimal(longitude) <= 180):
        raise InvalidPosition(field="longitude")


def check_opening_hours(hours: Any) -> None:
    """{"mon": [["06:00", "14:00"], ["15:00", "24:00"]], …}: ordered, apart, in local time."""
    if not isinstance(hours, dict) or hours.keys() - WEEKDAYS:
        raise InvalidOpeningHours(field="opening_hours")
    for blocks in hours.values():
        last = ""
        for block in blocks if isinstance(blocks, list) else [None]:
            if not (
                isinstance(block, list)
                and len(block) == 2
                and all(isinstance(at, str) and HOUR.fullmatch(at) for at in block)
                and last <= block[0] < block[1]
            ):
                raise InvalidOpeningHours(field="opening_hours")
            last = block[1]
