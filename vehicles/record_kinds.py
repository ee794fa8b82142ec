"""Vehicles as other systems put them: by their own key, in bulk, by file."""

from typing import Any

from fleets.models import FleetProvider
from vehicles import services
from vehicles.models import Vehicle
from vehicles.serializers import VehicleRegisterSerializer, VehicleUpdateSerializer
from voltop.context import Actor
from voltop.records import RecordKind


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Vehicle:
    return services.register_vehicle(provider, actor=actor, **values)


def _update(vehicle: Vehicle, actor: Actor, values: dict[str, Any]) -> Vehicle:
    return services.update_vehicle(vehicle, actor=actor, **values)


VEHICLES = RecordKind(
    name="vehicles",
    model=Vehicle,
    new=VehicleRegisterSerializer,
    change=VehicleUpdateSerializer,
    create=_create,
    update=_update,
    add_permission="vehicles.add_vehicle",
    change_permission="vehicles.change_vehicle",
)


def vehicles() -> RecordKind:
    return VEHICLES
