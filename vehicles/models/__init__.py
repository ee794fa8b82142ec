"""Tables of vehicles, by noun: the catalogue, vehicles, who holds them, their state and days."""

from vehicles.models.catalogue import Inlet, VehicleModel
from vehicles.models.custody import Assignment, AssignmentKind, VehicleTenure
from vehicles.models.state import Activity, Charging, VehicleDay, VehicleState
from vehicles.models.vehicles import (
    VEHICLE_MACHINE,
    Vehicle,
    VehicleEvent,
    VehiclePlate,
    VehicleStatus,
)

__all__ = [
    "VEHICLE_MACHINE",
    "Activity",
    "Assignment",
    "AssignmentKind",
    "Charging",
    "Inlet",
    "Vehicle",
    "VehicleDay",
    "VehicleEvent",
    "VehicleModel",
    "VehiclePlate",
    "VehicleState",
    "VehicleStatus",
    "VehicleTenure",
]
