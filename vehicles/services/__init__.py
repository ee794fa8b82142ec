"""Writes of vehicles, by noun."""

from vehicles.services.assignments import (
    assign,
    cancel_assignment,
    end_assignment,
    reassign,
    swap_assignments,
)
from vehicles.services.catalogue import save_models
from vehicles.services.days import DayRow, record_days
from vehicles.services.parts import lock_drivers, lock_vehicles
from vehicles.services.shift_assignments import (
    close_shift_assignment,
    import_shift_assignment,
    open_shift_assignment,
)
from vehicles.services.states import StateRow, merge_states
from vehicles.services.tenures import transfer_vehicle
from vehicles.services.vehicles import (
    register_vehicle,
    require_in_service,
    retire_vehicle,
    return_to_service,
    send_to_maintenance,
    take_out_of_service,
    update_vehicle,
)

__all__ = [
    "DayRow",
    "StateRow",
    "assign",
    "cancel_assignment",
    "close_shift_assignment",
    "end_assignment",
    "import_shift_assignment",
    "lock_drivers",
    "lock_vehicles",
    "merge_states",
    "open_shift_assignment",
    "reassign",
    "record_days",
    "register_vehicle",
    "require_in_service",
    "retire_vehicle",
    "return_to_service",
    "save_models",
    "send_to_maintenance",
    "swap_assignments",
    "take_out_of_service",
    "transfer_vehicle",
    "update_vehicle",
]
