"""What each role may do with charging."""

from collections.abc import Mapping

_PLACES = ("view_chargingstation", "view_evse", "view_connector")
_READ = (*_PLACES, "view_reservation", "view_reservationevent", "view_chargingsession")
_BOOK = (*_READ, "add_reservation", "change_reservation", "change_evse")
_MANAGE = (
    *_BOOK,
    "add_chargingstation",
    "change_chargingstation",
    "add_evse",
    "add_connector",
    "add_chargingsession",
)

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": _MANAGE,
    "manager": _MANAGE,
    "dispatcher": _BOOK,
    "accountant": _READ,
    "support": _READ,
    "viewer": _READ,
    "driver": ("book_as_driver",),
}


def of_reservations() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "reservations:read": _READ,
    "reservations:write": (
        "add_reservation",
        "change_reservation",
        "change_evse",
        "add_chargingstation",
        "change_chargingstation",
        "add_evse",
        "add_connector",
        "add_chargingsession",
    ),
}


def scopes_of_reservations() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (
        "change_reservation",
        "book_as_driver",
        "add_chargingsession",
    ),
    "hidden": (),
}
"""Bookings are used or called off; making one is refused by its rules."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
