"""The cars of a fresh company for tests."""

from datetime import datetime

from drivers.models import Driver
from fleets.models import Depot, FleetProvider
from vehicles.models import VehicleModel
from vehicles.services.assignments import assign
from vehicles.services.vehicles import register_vehicle
from voltop.context import Actor

CARS = 3


def seed(provider: FleetProvider, asker: Actor, approver: Actor, at: datetime) -> None:
    """A car for each driver; none where the catalogue of models is empty yet."""
    model = VehicleModel.objects.order_by("pk").first()
    if model is None:
        return
    depot = Depot.objects.for_provider(provider.pk).order_by("pk").first()
    drivers = Driver.objects.for_provider(provider.pk).order_by("pk")
    for number, driver in enumerate(drivers[:CARS], 1):
        car = register_vehicle(
            provider,
            actor=asker,
            vin=f"LGXCE4CB7RT{number:06d}",
            plate=f"TEST{number}",
            label=f"Car {number}",
            model=model,
            depot=depot,
            at=at,
        )
        assign(car, driver, actor=asker, kind="permanent", at=at)
