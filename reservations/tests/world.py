"""What reservations adds to the world of the access matrix."""

from datetime import UTC, datetime, timedelta

from drivers.models import Driver
from reservations import services
from reservations.models import ChargingSession, ChargingStation, Reservation
from reservations.tests.scene import make_station, plug, tomorrow
from vehicles.models import Vehicle
from voltop.tests.world import World


def build(world: World) -> None:
    yard = make_station(world, chargers=3)
    foreign = make_station(world, provider=world.b, name=world.canary("yard"))
    world.put("station", own=yard, foreign=foreign)
    world.know_as("station", "erp", "S-1")
    world.put("evse", own=plug(yard).evse, foreign=plug(foreign).evse)
    world.put("connector", own=plug(yard), foreign=plug(foreign))
    cars = world.objects["vehicle"]
    world.put(
        "reservation",
        own=reservation(world, yard, cars.own, world.driver),
        peer=reservation(world, yard, cars.peer, world.other_driver),
        foreign=reservation(world, foreign, cars.foreign, world.foreign_driver),
    )
    world.put("charging_session", own=session(world, yard), foreign=session(world, foreign))


def reservation(
    world: World, station: ChargingStation, vehicle: Vehicle, driver: Driver
) -> Reservation:
    """Tomorrow from ten to eleven."""
    return services.book(
        actor=world.actor(driver.provider),
        station=station,
        vehicle=vehicle,
        driver=driver,
        starts_at=tomorrow(10),
        ends_at=tomorrow(11),
    )


def session(world: World, station: ChargingStation) -> ChargingSession:
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    name = f"s{station.pk}"
    row = services.SessionRow("E1", "1", name, begun, begun + timedelta(hours=1), 9)
    actor = world.actor(station.provider)
    made = services.import_sessions(station, [row], actor=actor)[0]
    return ChargingSession.objects.get(pk=made.id)
