"""Cars, sources and samples for tests, made by the services."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import connection

from fleets.models import FleetProvider
from telemetry import services
from telemetry.models import HiredRun, TelemetrySource, Trip
from telemetry.store import COLUMNS
from vehicles import services as vehicle_services
from vehicles.models import Vehicle, VehicleModel
from voltop import clock
from voltop.context import Actor
from voltop.tests.cast import Cast
from voltop.tests.world import World

HELD_FROM = datetime(2025, 1, 1, tzinfo=UTC)
DAY = datetime(2026, 3, 2, tzinfo=UTC)
NOW = DAY + timedelta(days=3)
VINS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def at(hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
    """An instant of the day that most tests play on."""
    return DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)


class Fleet:
    """Provider A's cars and tracker source."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast

    @cached_property
    def model(self) -> VehicleModel:
        vehicle_services.save_models(
            [
                {
                    "make": "Volta",
                    "model": "Uno",
                    "year": 2024,
                    "usable_battery_kwh": Decimal(50),
                    "ac_max_kw": Decimal(11),
                }
            ]
        )
        return VehicleModel.objects.get(make="Volta")

    def new_vehicle(self, label: str, provider: FleetProvider | None = None) -> Vehicle:
        provider = provider or self.cast.a
        number = Vehicle.objects.unscoped().count()
        return vehicle_services.register_vehicle(
            provider,
            actor=self.cast.actor(provider),
            vin=f"SAJW{VINS[number % 23]}0A00000{number:05d}",
            model=self.model,
            label=label,
            tenure_starts_at=HELD_FROM,
        )

    @cached_property
    def car(self) -> Vehicle:
        return self.new_vehicle("car")

    @cached_property
    def other_car(self) -> Vehicle:
        return self.new_vehicle("other car")

    @cached_property
    def foreign_car(self) -> Vehicle:
        return self.new_vehicle("foreign car", self.cast.b)

    def new_source(
        self, name: str, provider: FleetProvider | None = None, **values: Any
    ) -> TelemetrySource:
        provider = provider or self.cast.a
        source, _ = services.create_source(
            provider, actor=self.cast.actor(provider), name=name, **values
        )
        return source

    @cached_property
    def source(self) -> TelemetrySource:
        return self.new_source("trackers")

    @cached_property
    def platform_source(self) -> TelemetrySource:
        source, _ = services.create_source(None, actor=self.cast.platform, name="vendor")
        return source

    def send(
        self, *items: dict[str, Any], source: TelemetrySource | None = None
    ) -> services.IngestResult:
        """Take in samples as decoded JSON, as their source."""
        source = source or self.source
        actor = Actor("source", source.pk, source.provider_id)
        return services.ingest(source, list(items), actor=actor, at=NOW)


def sample(vehicle: Vehicle | None, when: datetime, **values: Any) -> dict[str, Any]:
    """A sample as it stands in a body."""
    item = {"recorded_at": when.isoformat(), **values}
    return item if vehicle is None else {"vehicle": vehicle.pk, **item}


def fix(
    vehicle: Vehicle, when: datetime, lat: float, lon: float, occupied: bool | None = None
) -> dict[str, Any]:
    item = sample(vehicle, when, latitude=lat, longitude=lon)
    return item if occupied is None else {**item, "occupied": occupied}


def stored(columns: str = ", ".join(c for c in COLUMNS if c != "received_at")) -> list[Any]:
    """All rows of the store in key order, without their time of arrival."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM telemetry_sample WHERE recorded_at > '2000-01-01'"
            " ORDER BY vehicle_id, recorded_at"
        )
        return cursor.fetchall()


def rejected(result: services.IngestResult) -> list[tuple[int, str]]:
    return [(rejection.index, rejection.error.code) for rejection in result.rejected]


def build(world: World) -> None:
    """What telemetry adds to the world of the access matrix."""
    sources, fittings, trips, runs = {}, {}, {}, {}
    for scope in ("own", "peer", "foreign"):
        car = getattr(world.objects["vehicle"], scope)
        driver = getattr(world.objects["driver"], scope)
        actor = world.actor(car.provider)
        name = world.canary("trackers") if scope == "foreign" else f"Trackers {scope}"
        sources[scope], token = services.create_source(car.provider, actor=actor, name=name)
        if scope == "own":
            world.add_caller("source", {"Authorization": f"Bearer {token}"})
        when = clock.now() - timedelta(days=2)
        fittings[scope] = services.fit_device(
            sources[scope],
            actor=actor,
            external_id=f"{name} 1",
            vehicle=car,
            starts_at=when,
        )
        period = {
            "provider": car.provider,
            "vehicle": car,
            "driver": driver,
            "starts_at": when,
            "ends_at": when + timedelta(minutes=5),
        }
        place = dict.fromkeys(
            ("start_latitude", "start_longitude", "end_latitude", "end_longitude"), 1
        )
        trips[scope] = Trip.objects.create(**period, **place)
        runs[scope] = HiredRun.objects.create(**period)
    world.put("source", **sources)
    world.put("fitting", **fittings)
    world.put("device", **{scope: fitting.device for scope, fitting in fittings.items()})
    world.put("trip", **trips)
    world.put("run", **runs)
