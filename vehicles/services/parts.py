"""What the services of vehicles share: locks, and the end of what stands.

Other apps take only the locks from here (through `vehicles.services`).
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from drivers.models import Driver
from vehicles.errors import VehicleInUse
from vehicles.models import Assignment, AssignmentKind, Vehicle
from vehicles.signals import custody_changed
from voltop.context import Actor
from voltop.errors import NotFound


def lock_vehicles(ids: Iterable[int]) -> list[Vehicle]:
    """The vehicles as they are now, locked by key, in the order of `ids`. Raises NotFound.

    Whoever needs drivers too locks them afterwards: vehicle, then driver, everywhere.
    """
    ids = list(ids)
    rows = Vehicle.objects.unscoped().select_for_update(no_key=True).filter(pk__in=ids)
    found = {vehicle.pk: vehicle for vehicle in rows.order_by("pk")}
    if len(found) < len(set(ids)):
        raise NotFound()
    return [found[pk] for pk in ids]


def lock_drivers(ids: Iterable[int]) -> list[Driver]:
    """The drivers as they are now, locked by key, in the order of `ids`. Raises NotFound."""
    ids = list(ids)
    rows = Driver.objects.unscoped().select_for_update(no_key=True).filter(pk__in=ids)
    found = {driver.pk: driver for driver in rows.order_by("pk")}
    if len(found) < len(set(ids)):
        raise NotFound()
    return [found[pk] for pk in ids]


def require_not_in_use(vehicle: Vehicle) -> None:
    """Raises VehicleInUse (409) while a driver has the vehicle on shift; the row is locked."""
    running = vehicle.assignments.open().filter(kind=AssignmentKind.SHIFT).first()
    if running is not None:
        raise VehicleInUse(driver=running.driver_id, assignment=running.pk)


def call_off_assignments(vehicle: Vehicle, *, actor: Actor, at: datetime) -> None:
    """End what runs and call off what has not begun; the vehicle is locked and not on shift."""
    standing = vehicle.assignments.standing()
    later = standing.filter(starts_at__gte=at)
    later.update(cancelled_at=at)
    running = standing.filter(starts_at__lt=at).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at))
    if running.update(ends_at=at):
        custody_changed.send(
            Assignment, vehicle_id=vehicle.pk, starts_at=at, ends_at=None, actor=actor, at=at
        )
