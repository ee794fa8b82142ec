"""Stations, EVSEs and connectors."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from fleets import audit
from fleets.errors import UnknownCountry
from fleets.iso3166 import ALPHA_2
from fleets.models import FleetProvider
from fleets.services import check_opening_hours, require_active
from reservations.errors import StationNameTaken
from reservations.models import (
    ChargingSession,
    ChargingStation,
    Connector,
    ConnectorStandard,
    Evse,
    EvseStatus,
    PowerType,
)
from reservations.models.places import IN_SERVICE
from voltop import clock, events
from voltop.context import Actor


@transaction.atomic
def create_station(
    provider: FleetProvider, *, actor: Actor, name: str, at: datetime | None = None, **values: Any
) -> ChargingStation:
    """A new station; country and zone are the provider's unless said otherwise.

    Raises ProviderNotActive, StationNameTaken (409), UnknownCountry, UnknownTimezone,
    InvalidOpeningHours (400).
    """
    at = at or clock.now()
    depot = values.get("depot")
    actor.require_same_provider(provider, *([depot] if depot else []))
    require_active(provider)
    values = {"country": provider.country, "time_zone": provider.time_zone, "name": name} | values
    _check(provider.pk, values)
    station = ChargingStation.objects.create(provider=provider, **values)
    audit.record("station.created", station, actor=actor, at=at)
    station.refresh_from_db()
    return station


@transaction.atomic
def update_station(
    station: ChargingStation, *, actor: Actor, at: datetime | None = None, **values: Any
) -> ChargingStation:
    """Change a station; bookings that stand keep the rules under which they were made."""
    at = at or clock.now()
    depot = values.get("depot")
    actor.require_same_provider(station, *([depot] if depot else []))
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station.pk)
    _check(station.provider_id, values, but=station.pk)
    changes = audit.diff(station, values)
    if changes:
        ChargingStation.objects.filter(pk=station.pk).update(**values)
        audit.record("station.changed", station, actor=actor, at=at, changes=changes)
        station.refresh_from_db()
    return station


@transaction.atomic
def retire_station(
    station: ChargingStation, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> ChargingStation:
    """Take a station out of use; retiring twice changes nothing."""
    at = at or clock.now()
    actor.require_same_provider(station)
    rows = ChargingStation.objects.filter(pk=station.pk, retired_at__isnull=True)
    if rows.update(retired_at=at):
        audit.record("station.retired", station, actor=actor, at=at, reason=reason)
    station.refresh_from_db()
    return station


@transaction.atomic
def add_evse(
    station: ChargingStation,
    *,
    actor: Actor,
    uid: str,
    physical_reference: str = "",
    at: datetime | None = None,
) -> Evse:
    """A charger of a station; the same uid again gives back the one that is there."""
    actor.require_same_provider(station)
    evse, created = Evse.objects.get_or_create(
        station=station,
        uid=uid,
        defaults={
            "provider_id": station.provider_id,
            "physical_reference": physical_reference,
        },
    )
    if created:
        audit.record("evse.created", evse, actor=actor, at=at or clock.now())
    return evse


@transaction.atomic
def set_evse_status(evse: Evse, *, actor: Actor, status: str, at: datetime | None = None) -> Evse:
    """What the charger's operator says of it, in OCPI's words."""
    at = at or clock.now()
    actor.require_same_provider(evse)
    evse = Evse.objects.select_for_update(no_key=True).get(pk=evse.pk)
    if evse.status != status:
        Evse.objects.filter(pk=evse.pk).update(status=EvseStatus(status))
        changes = {"status": (evse.status, status)}
        audit.record("evse.status", evse, actor=actor, at=at, changes=changes)
        before = evse.status
        evse.refresh_from_db()
        _tell_status(evse, before, actor=actor, at=at)
    return evse


def follow_sessions(evse_ids: Iterable[int], *, actor: Actor, at: datetime) -> None:
    """Sessions began or ended at these chargers: one that serves a car is CHARGING, else AVAILABLE.

    What its operator says of a charger that is not in service stands. Not for other apps.
    """
    rows = Evse.objects.select_for_update(no_key=True).filter(pk__in=evse_ids)
    running = ChargingSession.objects.filter(evse=OuterRef("pk"), ends_at__isnull=True)
    for evse in rows.annotate(serves=Exists(running)).order_by("pk"):
        before = evse.status
        if evse.serves and before in IN_SERVICE:
            evse.status = EvseStatus.CHARGING
        elif not evse.serves and before == EvseStatus.CHARGING:
            evse.status = EvseStatus.AVAILABLE
        if evse.status != before:
            Evse.objects.filter(pk=evse.pk).update(status=evse.status)
            _tell_status(evse, before, actor=actor, at=at)


def _tell_status(evse: Evse, before: str, *, actor: Actor, at: datetime) -> None:
    """Every plug of a charger has the charger's status; drivers and integrators know plugs."""
    events.publish_all(
        (
            events.Happening(
                "connector.status",
                plug.pk,
                plug.row_version,
                ("status",),
                before,
                evse.status,
                {"evse": evse.pk, "station": evse.station_id},
            )
            for plug in Connector.objects.filter(evse=evse).order_by("pk")
        ),
        provider_id=evse.provider_id,
        actor=actor,
        at=at,
    )


@transaction.atomic
def add_connector(
    evse: Evse,
    *,
    actor: Actor,
    connector_id: str,
    standard: str,
    power_type: str,
    max_power_kw: Decimal,
    format: str = "SOCKET",
    at: datetime | None = None,
) -> Connector:
    """A plug of a charger; the same id again gives back the one that is there."""
    actor.require_same_provider(evse)
    connector, created = Connector.objects.get_or_create(
        evse=evse,
        connector_id=connector_id,
        defaults={
            "provider_id": evse.provider_id,
            "standard": ConnectorStandard(standard),
            "power_type": PowerType(power_type),
            "max_power_kw": max_power_kw,
            "format": format,
        },
    )
    if created:
        audit.record("connector.created", connector, actor=actor, at=at or clock.now())
    return connector


def _check(provider_id: int, values: dict[str, Any], *, but: int | None = None) -> None:
    if "country" in values and values["country"] not in ALPHA_2:
        raise UnknownCountry(field="country")
    if "time_zone" in values:
        clock.zone(values["time_zone"])
    if "opening_hours" in values:
        check_opening_hours(values["opening_hours"])
    named = ChargingStation.objects.for_provider(provider_id).filter(
        name=values.get("name"), retired_at__isnull=True
    )
    if "name" in values and named.exclude(pk=but or 0).exists():
        raise StationNameTaken(field="name")
