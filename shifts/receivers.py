"""What shifts do on news from below. Idempotent and order-free; nothing here refuses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from drivers.models import Driver, DriverStatus
from drivers.signals import driver_moved
from shifts.services import forget_driver, forget_vehicle, request_metrics_of_vehicles
from telemetry.signals import history_changed
from vehicles.models import Vehicle
from vehicles.signals import vehicle_transferred
from voltop.context import Actor


@receiver(driver_moved, dispatch_uid="shifts.driver_moved")
def cancel_plans(
    sender: Any, *, driver: Driver, to_state: str, actor: Actor, at: datetime, **_: Any
) -> None:
    """Who leaves starts no shift any more: planned ones are free for others to take."""
    if to_state in (DriverStatus.LEAVING, DriverStatus.TERMINATED):
        forget_driver(driver, actor=actor, reason="driver leaves", at=at)


@receiver(vehicle_transferred, dispatch_uid="shifts.vehicle_transferred")
def leave_plans(
    sender: Any, *, vehicle: Vehicle, from_provider_id: int, actor: Actor, at: datetime, **_: Any
) -> None:
    """A car that went to another company is in no plan and no open proposal of the old one."""
    forget_vehicle(vehicle.pk, from_provider_id, actor=actor, at=at)


@receiver(history_changed, dispatch_uid="shifts.history_changed")
def compute_again(
    sender: Any, *, touched: Sequence[tuple[int, datetime, datetime]], **_: Any
) -> None:
    """Samples came late or were corrected: shifts that had the cars then are measured again."""
    request_metrics_of_vehicles(touched)
