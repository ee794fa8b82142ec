"""What each role, and each API scope, may do with shifts."""

from collections.abc import Mapping

_READ = (
    "view_shift",
    "view_shiftevent",
    "view_shiftstint",
    "view_shiftbreak",
    "view_shiftmetrics",
)
_PROPOSALS = ("view_shiftproposal", "view_shiftproposalevent")
_INCOME = ("view_platformaccount", "view_platformdriver", "view_platformentry")
_DISPATCH = (
    *_READ,
    *_PROPOSALS,
    *_INCOME,
    "add_shift",
    "change_shift",
    "override_start_gates",
    "confirm_shift",
    "add_shiftproposal",
    "change_shiftproposal",
)
_PLATFORMS = (
    "add_platformaccount",
    "change_platformaccount",
    "add_platformdriver",
    "change_platformdriver",
    "add_platformentry",
)

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": (*_DISPATCH, *_PLATFORMS),
    "manager": (*_DISPATCH, *_PLATFORMS),
    "dispatcher": _DISPATCH,
    "accountant": (*_READ, *_PROPOSALS, *_INCOME, *_PLATFORMS, "confirm_shift"),
    "support": (*_READ, "view_platformentry"),
    "viewer": _READ,
    "driver": ("work_shift",),
}


def of_shifts() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "shifts:read": (
        "view_shift",
        "view_shiftevent",
        "view_shiftmetrics",
        "view_shiftproposal",
    ),
    "shifts:write": ("add_shift", "change_shift", "add_shiftproposal", "change_shiftproposal"),
    "shifts.income:read": ("view_platformaccount", "view_platformdriver", "view_platformentry"),
    "shifts.income:write": (
        "add_platformaccount",
        "change_platformaccount",
        "add_platformdriver",
        "change_platformdriver",
        "add_platformentry",
    ),
}
"""Confirming a shift is a decision: for people only."""


def scopes_of_shifts() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (
        "work_shift",
        "change_shift",
        "confirm_shift",
        "change_shiftproposal",
        "add_platformentry",
    ),
    "hidden": (),
}
"""What runs is ended and what was worked is counted; a start is refused by its gates."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
