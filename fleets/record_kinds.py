"""Records of fleets that other systems put by their own key, in bulk and by file: depots."""

from typing import Any

from fleets import services
from fleets.models import Depot, FleetProvider
from fleets.serializers.providers import DepotInputSerializer, DepotUpdateSerializer
from voltop.context import Actor
from voltop.records import RecordKind


def _create(provider: FleetProvider, actor: Actor, values: dict[str, Any]) -> Depot:
    return services.create_depot(provider, actor=actor, **values)


def _update(depot: Depot, actor: Actor, values: dict[str, Any]) -> Depot:
    return services.update_depot(depot, actor=actor, **values)


DEPOTS = RecordKind(
    name="depots",
    model=Depot,
    new=DepotInputSerializer,
    change=DepotUpdateSerializer,
    create=_create,
    update=_update,
    add_permission="fleets.add_depot",
    change_permission="fleets.change_depot",
)


def depots() -> RecordKind:
    return DEPOTS
