"""Drivers as other systems put them: by their own key, in bulk, by file."""

from typing import Any

from drivers import services
from drivers.models import Driver
from drivers.serializers import DriverInviteSerializer, DriverUpdateSerializer
from fleets.models import FleetProvider
from voltop.context import Actor
from voltop.records import RecordKind


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Driver:
    return services.invite_driver(provider, actor=actor, **values)


def _update(driver: Driver, actor: Actor, values: dict[str, Any]) -> Driver:
    return services.update_driver(driver, actor=actor, **values)


DRIVERS = RecordKind(
    name="drivers",
    model=Driver,
    new=DriverInviteSerializer,
    change=DriverUpdateSerializer,
    create=_create,
    update=_update,
    add_permission="drivers.add_driver",
    change_permission="drivers.change_driver",
)


def drivers() -> RecordKind:
    return DRIVERS
