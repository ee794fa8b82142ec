"""What vehicles adds to the world of the access matrix."""

from datetime import timedelta

from drivers.models import Driver
from vehicles import services
from vehicles.models import Vehicle, VehicleModel, VehicleTenure
from voltop import clock
from voltop.tests.world import World

SHARED_MODEL = 7_700_001
"""The id of a type in the catalogue, which belongs to nobody: rows name it as it is."""


def build(world: World) -> None:
    VehicleModel.objects.create(
        pk=SHARED_MODEL, make="Nuvola", model="Van", year=2025, usable_battery_kwh=60, ac_max_kw=11
    )
    cars = {
        "own": car(world, "Car A1", world.driver),
        "peer": car(world, "Car A2", world.other_driver),
        "foreign": car(world, world.canary("car"), world.foreign_driver),
    }
    world.put("vehicle", **cars)
    world.know_as("vehicle", "erp", "V-1")
    tenures = {scope: VehicleTenure.objects.get(vehicle=found) for scope, found in cars.items()}
    world.put("tenure", **tenures)
    assignments = {
        scope: services.assign(
            found,
            driver,
            actor=world.actor(found.provider),
            kind="permanent",
            starts_at=clock.now() - timedelta(days=1),
        )
        for (scope, found), driver in zip(
            cars.items(),
            (world.driver, world.other_driver, world.foreign_driver),
            strict=True,
        )
    }
    world.put("assignment", **assignments)


def car(world: World, label: str, driver: Driver) -> Vehicle:
    """A car of the driver's company, held for ten days, seen just now."""
    now = clock.now()
    vehicle = world.new_vehicle(label, driver.provider, tenure_starts_at=now - timedelta(days=10))
    plate = f"PLATE {vehicle.pk}"
    services.update_vehicle(vehicle, actor=world.actor(driver.provider), plate=plate)
    services.merge_states([services.StateRow(vehicle.pk, now, soc_at=now, soc_pct=50.0)])
    return vehicle
