"""What tests of shifts play with: cars of provider A, drivers, and shifts in every state."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from math import pi
from typing import Any

from drivers.models import Driver
from fleets.models import FleetProvider
from shifts import services
from shifts.models import Shift
from telemetry import services as telemetry_services
from telemetry.models import TelemetrySource
from vehicles import services as vehicle_services
from vehicles.models import Vehicle, VehicleModel
from voltop.context import Actor
from voltop.tests.cast import Cast

T0 = datetime(2026, 3, 2, 14, tzinfo=UTC)
"""Monday, 2 March 2026, 8 o'clock in Mexico City."""

H = timedelta(hours=1)
KM_PER_DEGREE = 2 * pi * 6371.0088 / 360


def at(hours: float) -> datetime:
    """So many hours after T0."""
    return T0 + timedelta(hours=hours)


class Scene:
    """Cars held since 2020; services called with fixed instants around T0."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast

    @property
    def actor(self) -> Actor:
        return self.cast.actor()

    def actor_of(self, driver: Driver) -> Actor:
        return Actor("user", driver.user_id, driver.provider_id)

    @cached_property
    def model(self) -> VehicleModel:
        vehicle_services.save_models(
            [
                {
                    "make": "BYD",
                    "model": "Dolphin",
                    "year": 2025,
                    "usable_battery_kwh": Decimal("44.9"),
                    "ac_max_kw": Decimal("7.0"),
                    "dc_max_kw": Decimal("60.0"),
                }
            ]
        )
        return VehicleModel.objects.get(make="BYD", model="Dolphin", year=2025)

    def new_vehicle(self, label: str, provider: FleetProvider | None = None) -> Vehicle:
        provider = provider or self.cast.a
        number = Vehicle.objects.unscoped().count() + 1
        return vehicle_services.register_vehicle(
            provider,
            actor=self.cast.actor(provider),
            vin=f"LGXCE4CB0R0{number:06d}",
            model=self.model,
            label=label,
            tenure_starts_at=datetime(2020, 1, 1, tzinfo=UTC),
        )

    @cached_property
    def car(self) -> Vehicle:
        return self.new_vehicle("Car 1")

    @cached_property
    def other_car(self) -> Vehicle:
        return self.new_vehicle("Car 2")

    @cached_property
    def foreign_car(self) -> Vehicle:
        return self.new_vehicle("Wagen 1", self.cast.b)

    # --- Telemetry -------------------------------------------------------------------------------
    @cached_property
    def source(self) -> TelemetrySource:
        source, _token = telemetry_services.create_source(
            self.cast.a, actor=self.actor, name="trackers"
        )
        return source

    def drive(
        self,
        vehicle: Vehicle,
        from_h: float,
        to_h: float,
        *,
        every_min: int = 5,
        occupied: bool | None = None,
    ) -> None:
        """Samples of a car going north at 36 km/h from one instant to another, both included."""
        count = round((to_h - from_h) * 60 / every_min)
        items = []
        for n in range(count + 1):
            hours = from_h + n * every_min / 60
            item = {
                "vehicle": vehicle.pk,
                "recorded_at": at(hours).isoformat(),
                "latitude": 19.0 + (hours + 100) * 36 / KM_PER_DEGREE,
                "longitude": -99.1,
                "speed_kmh": 36,
            }
            items.append(item if occupied is None else {**item, "occupied": occupied})
        actor = Actor("source", self.source.pk, self.cast.a.pk)
        result = telemetry_services.ingest(self.source, items, actor=actor)
        assert result.accepted == len(items), result
        telemetry_services.derive_pending()

    def hold(self, vehicle: Vehicle, driver: Driver, from_h: float, to_h: float | None) -> None:
        """The car is usually this driver's."""
        vehicle_services.assign(
            vehicle,
            driver,
            actor=self.actor,
            kind="permanent",
            starts_at=at(from_h),
            ends_at=None if to_h is None else at(to_h),
        )

    # --- Shifts in each state, made by the services ----------------------------------------------
    def scheduled(self, **values: Any) -> Shift:
        return services.schedule_shift(
            **{
                "driver": self.cast.driver,
                "actor": self.actor,
                "starts_at": T0,
                "ends_at": at(8),
                "vehicle": self.car,
                "at": at(-24),
                **values,
            }
        )

    def active(self, **values: Any) -> Shift:
        return services.start_shift(
            **{
                "driver": self.cast.driver,
                "actor": self.actor,
                "vehicle": self.car,
                "at": T0,
                **values,
            }
        )

    def on_break(self) -> Shift:
        return services.take_break(self.active(), actor=self.actor, at=at(3))

    def missed(self) -> Shift:
        return services.miss_shift(self.scheduled(), actor=self.actor, at=at(8))

    def cancelled(self) -> Shift:
        return services.cancel_shift(self.scheduled(), actor=self.actor, reason="ill", at=at(-1))

    def auto_closed(self) -> Shift:
        return services.auto_close(self.active(), actor=self.actor, at=at(12.5))

    def ended(self) -> Shift:
        return services.end_shift(self.active(), actor=self.actor, at=at(8))

    def confirmed(self) -> Shift:
        return services.confirm_shift(self.ended(), actor=self.actor, at=at(9))

    def settled(self) -> Shift:
        shift = self.confirmed()
        services.settle_shifts([shift.pk], actor=self.actor, at=at(10))
        shift.refresh_from_db()
        return shift
