"""What each role, and each scope of an API client, may do with telemetry.

Samples are sent by sources alone, whatever the role (`telemetry.principals`).
"""

from collections.abc import Mapping

_TRACKS = ("view_trip", "view_hiredrun")
_READ = (
    *_TRACKS,
    "view_telemetrysource",
    "view_trackerdevice",
    "view_devicefitting",
    "view_quarantinedsample",
)
_FITTINGS = ("add_devicefitting", "change_devicefitting")
_OFFICE = (
    *_READ,
    *_FITTINGS,
    "add_telemetrysource",
    "change_telemetrysource",
    "view_telemetryimport",
)

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": _OFFICE,
    "manager": _OFFICE,
    "dispatcher": (*_READ, *_FITTINGS),
    "accountant": _TRACKS,
    "support": _TRACKS,
    "viewer": _TRACKS,
    "driver": (),
}

API_SCOPES: Mapping[str, tuple[str, ...]] = {
    "telemetry:read": _READ,
    "telemetry:write": _FITTINGS,
}
"""A source, and with it a token, is for people to make."""


def of_telemetry() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS


def scopes_of_telemetry() -> Mapping[str, tuple[str, ...]]:
    return API_SCOPES


WHILE_SUSPENDED: Mapping[str, tuple[str, ...]] = {
    "kept": (),
    "hidden": (
        "view_trip",
        "view_hiredrun",
        "view_quarantinedsample",
    ),
}
"""What comes in is stored (sources are no people of the company), and shown to nobody."""


def while_suspended() -> Mapping[str, tuple[str, ...]]:
    return WHILE_SUSPENDED
