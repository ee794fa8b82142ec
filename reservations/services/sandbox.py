"""Where the cars of a fresh company for tests are charged."""

from datetime import datetime
from decimal import Decimal

from fleets.models import Depot, FleetProvider
from reservations.services.places import add_connector, add_evse, create_station
from voltop.context import Actor

CHARGERS = 2


def seed(provider: FleetProvider, asker: Actor, approver: Actor, at: datetime) -> None:
    """A station at the first depot, its chargers with one connector each."""
    depot = Depot.objects.for_provider(provider.pk).order_by("pk").first()
    station = create_station(provider, actor=asker, name="Yard", depot=depot, at=at)
    for number in range(1, CHARGERS + 1):
        evse = add_evse(
            station, actor=asker, uid=f"T{number}", physical_reference=f"Bay {number}", at=at
        )
        add_connector(
            evse,
            actor=asker,
            connector_id="1",
            standard="IEC_62196_T2",
            format="SOCKET",
            power_type="AC_3_PHASE",
            max_power_kw=Decimal("22.0"),
            at=at,
        )
