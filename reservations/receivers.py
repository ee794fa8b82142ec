"""What reservations do on news from below. Idempotent and order-free; nothing here refuses."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from drivers.models import Driver, DriverStatus
from drivers.signals import driver_moved
from reservations.services import call_off_driver, call_off_vehicle
from vehicles.models import Vehicle, VehicleStatus
from vehicles.signals import vehicle_moved, vehicle_transferred
from voltop.context import Actor


@receiver(driver_moved, dispatch_uid="reservations.driver_moved")
def call_off_leaver(
    sender: Any, *, driver: Driver, to_state: str, actor: Actor, at: datetime, **_: Any
) -> None:
    """Who leaves drives to no charger any more: what they booked is free for others."""
    if to_state in (DriverStatus.LEAVING, DriverStatus.TERMINATED):
        call_off_driver(driver, actor=actor, reason="driver leaves", at=at)


@receiver(vehicle_transferred, dispatch_uid="reservations.vehicle_transferred")
def call_off_given_away(
    sender: Any, *, vehicle: Vehicle, from_provider_id: int, actor: Actor, at: datetime, **_: Any
) -> None:
    """A car that went to another company needs none of the old one's chargers."""
    call_off_vehicle(vehicle.pk, from_provider_id, actor=actor, reason="vehicle handed over", at=at)


@receiver(vehicle_moved, dispatch_uid="reservations.vehicle_moved")
def call_off_retired(
    sender: Any, *, vehicle: Vehicle, to_state: str, actor: Actor, at: datetime, **_: Any
) -> None:
    """A retired car is charged no more."""
    if to_state == VehicleStatus.RETIRED:
        call_off_vehicle(
            vehicle.pk, vehicle.provider_id, actor=actor, reason="vehicle retired", at=at
        )
