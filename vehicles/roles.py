"""What each role, and each scope of an API client, may do with vehicles."""

from collections.abc import Mapping

_READ = (
    "view_vehiclemodel",
    "view_vehicle",
    "view_vehicleevent",
    "view_vehicleplate",
    "view_vehicletenure",
    "view_vehiclestate",
    "view_vehicleday",
    "view_assignment",
)
_ASSIGN = ("add_assignment", "change_assignment")
_WRITE = (*_READ, "add_vehicle", "change_vehicle", *_ASSIGN)

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": (*_WRITE, "retire_vehicle", "transfer_vehicle"),
    "manager": (*_WRITE, "retire_vehicle"),
    "dispatcher": _WRITE,
    "accountant": _READ,
    "support": _READ,
    "viewer": ("view_vehiclemodel", "view_vehicle", "view_vehiclestate"),
    "driver": (),
}

API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "vehicles:read": _READ,
    "vehicles:write": ("add_vehicle", "change_vehicle", *_ASSIGN),
}


def of_vehicles() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


def scopes_of_vehicles() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": ("change_assignment",),
    "hidden": (
        "view_vehiclestate",
        "view_vehicleday",
    ),
}
"""Cars are given back; where they are is not shown."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
