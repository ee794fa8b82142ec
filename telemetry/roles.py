"""What each role may do with telemetry."""

from collections.abc import Mapping

_TRACKS = ("view_trip", "view_hiredrun")
_READ = (*_TRACKS, "view_telemetrysource", "view_trackerdevice", "view_devicefitting")
_DEVICES = ("add_devicefitting", "change_devicefitting")
_SOURCES = ("add_telemetrysource", "change_telemetrysource")

ROLE_PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "owner": (*_READ, *_DEVICES, *_SOURCES),
    "manager": (*_READ, *_DEVICES, *_SOURCES),
    "dispatcher": (*_READ, *_DEVICES),
    "accountant": _TRACKS,
    "support": _TRACKS,
    "viewer": _TRACKS,
    "driver": (),
}


def of_telemetry() -> Mapping[str, tuple[str, ...]]:
    return ROLE_PERMISSIONS
