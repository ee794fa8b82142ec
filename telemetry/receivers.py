"""What telemetry does on news from vehicles. Idempotent and order-free; nothing here refuses."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from telemetry.services import attribute_again, move_trackers
from vehicles.models import Vehicle
from vehicles.signals import custody_changed, vehicle_transferred
from voltop.context import Actor


@receiver(custody_changed, dispatch_uid="telemetry.custody_changed")
def give_to_the_holder(
    sender: Any, *, vehicle_id: int, starts_at: datetime, ends_at: datetime | None, **_: Any
) -> None:
    """Trips and hired runs of that time go to whoever had the car."""
    attribute_again(vehicle_id, starts_at, ends_at)


@receiver(vehicle_transferred, dispatch_uid="telemetry.vehicle_transferred")
def move_the_trackers(
    sender: Any, *, vehicle: Vehicle, to_provider_id: int, actor: Actor, at: datetime, **_: Any
) -> None:
    """A company's own trackers stay with it; those of the platform go with the car."""
    move_trackers(vehicle.pk, to_provider_id, actor=actor, at=at)
