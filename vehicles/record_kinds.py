"""Vehicles as other systems put them: by their own key, in bulk, by file."""

from typing import Any

from fleets.models import FleetProvider
from fleets.selectors import depot_named
from vehicles import services
from vehicles.models import Vehicle
from vehicles.selectors import model_named
from vehicles.serializers import VehicleRegisterSerializer, VehicleUpdateSerializer
from voltop.columns import Column
from voltop.context import Actor
from voltop.records import RecordKind


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Vehicle:
    return services.register_vehicle(provider, actor=actor, **values)


def _update(vehicle: Vehicle, actor: Actor, values: dict[str, Any]) -> Vehicle:
    return services.update_vehicle(vehicle, actor=actor, **values)


COLUMNS = {
    "vin": Column(("chassis", "número de serie", "chassi", "fahrgestellnummer", "fin")),
    "plate": Column(("license plate", "placa", "placas", "matrícula", "kennzeichen")),
    "label": Column(("fleet number", "número económico", "nome", "wagennummer")),
    "model": Column(("modelo", "modell"), model_named),
    "depot": Column(("depósito", "garagem", "betriebshof"), depot_named),
}

VEHICLES = RecordKind(
    name="vehicles",
    model=Vehicle,
    new=VehicleRegisterSerializer,
    change=VehicleUpdateSerializer,
    create=_create,
    update=_update,
    add_permission="vehicles.add_vehicle",
    change_permission="vehicles.change_vehicle",
    columns=COLUMNS,
)


def vehicles() -> RecordKind:
    return VEHICLES
