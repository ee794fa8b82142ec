"""What the tests of reservations play with: a station of two chargers, and a coming day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from reservations import services
from reservations.models import ChargingStation, Connector, Reservation
from voltop import clock
from voltop.tests.cast import Cast


def make_station(cast: Cast, *, chargers: int = 2, provider=None, **values: Any) -> ChargingStation:
    """A station with chargers of one Type 2 plug each, on a grid of one minute and no cap."""
    provider = provider or cast.a
    actor = cast.actor(provider)
    values = {"name": "Yard", "reservation_grid_min": 1, "reservation_max_min": 0} | values
    station = services.create_station(provider, actor=actor, **values)
    for n in range(1, chargers + 1):
        evse = services.add_evse(station, actor=actor, uid=f"E{n}")
        services.add_connector(
            evse,
            actor=actor,
            connector_id="1",
            standard="IEC_62196_T2",
            power_type="AC_3_PHASE",
            max_power_kw=Decimal("22"),
        )
    return station


def plug(station: ChargingStation, number: int = 1) -> Connector:
    return Connector.objects.get(evse__station=station, evse__uid=f"E{number}")


def tomorrow(hour: int, minute: int = 0) -> datetime:
    day = (clock.now() + timedelta(days=1)).date()
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        hours=hour, minutes=minute
    )


def book(cast: Cast, station: ChargingStation, vehicle=None, **values: Any) -> Reservation:
    values = {"starts_at": tomorrow(10), "ends_at": tomorrow(11)} | values
    return services.book(
        actor=cast.actor(),
        station=station,
        vehicle=vehicle or cast.vehicle,
        **values,
    )
