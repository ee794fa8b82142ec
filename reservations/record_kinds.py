"""Charging stations as other systems put them: by their own key, in bulk, by file."""

from typing import Any

from fleets.models import FleetProvider
from reservations import services
from reservations.models import ChargingStation
from reservations.serializers import StationInputSerializer, StationUpdateSerializer
from voltop.context import Actor
from voltop.records import RecordKind


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> ChargingStation:
    return services.create_station(provider, actor=actor, **values)


def _update(station: ChargingStation, actor: Actor, values: dict[str, Any]) -> ChargingStation:
    return services.update_station(station, actor=actor, **values)


STATIONS = RecordKind(
    name="stations",
    model=ChargingStation,
    new=StationInputSerializer,
    change=StationUpdateSerializer,
    create=_create,
    update=_update,
    add_permission="reservations.add_chargingstation",
    change_permission="reservations.change_chargingstation",
)


def stations() -> RecordKind:
    return STATIONS
