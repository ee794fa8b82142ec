"""The parts that the services of shifts share: locks, stints, breaks, the row itself.

Not for other apps: they call the services.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from drivers.models import Driver
from fleets.models import Depot, FleetPolicy, FleetProvider
from shifts.errors import InvalidShiftPeriod, ShiftOverlap, ShiftTooLong
from shifts.models import Shift, ShiftBreak, ShiftStint
from vehicles.models import Vehicle
from vehicles.services import (
    close_shift_assignment,
    lock_drivers,
    lock_vehicles,
    open_shift_assignment,
)
from voltop import clock
from voltop.context import Actor
from voltop.errors import LockBusy

LOCK_ATTEMPTS = 5


def lock_people_and_cars(driver_id: int, vehicle_ids: Iterable[int]) -> Driver:
    """Lock the vehicles by key, then the driver, and return the driver as it is now."""
    lock_vehicles(vehicle_ids)
    [driver] = lock_drivers([driver_id])
    return driver


def lock_shift(shift: Shift, *, also: Iterable[int] = ()) -> tuple[Driver, Shift]:
    """Lock the cars that the shift holds and `also` others, its driver, its row; the last two anew.

    Which cars it holds is known for sure only under the driver's lock: where a change of car won
    the race for that, all is given back and locked again. Raises LockBusy (503) when it always did.
    """
    for _attempt in range(LOCK_ATTEMPTS):
        cars = cars_of(shift)
        with suppress(_OtherCars), transaction.atomic():
            driver = lock_people_and_cars(shift.driver_id, [*also, *cars])
            locked = Shift.objects.select_for_update(no_key=True).get(pk=shift.pk)
            if not set(cars_of(locked)) <= set(cars):
                raise _OtherCars
            return driver, locked
    raise LockBusy(retry_after_s=1)


class _OtherCars(Exception):
    """The shift holds a car that is not locked."""


def new_shift(
    driver: Driver, vehicle: Vehicle | None, *, depot: Depot | None = None, **columns: Any
) -> Shift:
    """A row of shift with its depot (given, else the driver's, else the car's), zone and date."""
    depot = depot or driver.depot or (vehicle.depot if vehicle else None)
    zone_name = zone_name_of(driver.provider_id, depot)
    first = columns.get("planned_starts_at") or columns["starts_at"]
    return Shift.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        depot=depot,
        time_zone=zone_name,
        business_date=clock.local_date(first, clock.zone(zone_name)),
        **columns,
    )


def zone_name_of(provider_id: int, depot: Depot | None) -> str:
    """The zone that a depot's days are counted in; without a depot, the company's."""
    if depot is not None:
        return depot.time_zone
    return FleetProvider.objects.values_list("time_zone", flat=True).get(pk=provider_id)


def cars_of(shift: Shift) -> list[int]:
    """The vehicles that a shift holds now (one, while it runs; none before and after)."""
    stints = ShiftStint.objects.filter(shift=shift, ends_at__isnull=True)
    return list(stints.values_list("assignment__vehicle_id", flat=True))


def open_stint(
    shift: Shift,
    driver: Driver,
    vehicle: Vehicle,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
) -> ShiftStint:
    """Take a car for the shift from now on; vehicles writes who has it."""
    assignment = open_shift_assignment(driver=driver, vehicle=vehicle, starts_at=at, actor=actor)
    return ShiftStint.objects.create(
        provider_id=shift.provider_id,
        shift=shift,
        assignment=assignment,
        starts_at=at,
        reason=reason[:500],
    )


def close_stint(stint: ShiftStint, at: datetime, *, actor: Actor) -> None:
    """Give the car back. Raises InvalidShiftPeriod (400) when nothing lies between."""
    if at <= stint.starts_at:
        raise InvalidShiftPeriod()
    close_shift_assignment(stint.assignment, ends_at=at, actor=actor)
    ShiftStint.objects.filter(pk=stint.pk).update(ends_at=at)


def close_break(shift: Shift, at: datetime) -> None:
    """End the open break, if any. Raises InvalidShiftPeriod (400) when nothing lies between."""
    running = ShiftBreak.objects.filter(shift=shift, ends_at__isnull=True)
    for rest in running:
        if at <= rest.starts_at:
            raise InvalidShiftPeriod()
    running.update(ends_at=at)


def require_length(provider_id: int, starts_at: datetime, ends_at: datetime) -> None:
    """Raises InvalidShiftPeriod, ShiftTooLong (400) for what no shift can be."""
    if ends_at <= starts_at:
        raise InvalidShiftPeriod(field="ends_at")
    policy = FleetPolicy.objects.get(provider_id=provider_id)
    if ends_at - starts_at > timedelta(hours=float(policy.shift_max_h)):
        raise ShiftTooLong(field="ends_at", max_h=str(policy.shift_max_h))


def require_unworked(driver: Driver, starts_at: datetime, ends_at: datetime) -> None:
    """Named error for what the exclusion constraint would refuse; the driver row is locked."""
    other = Shift.objects.filter(driver=driver).overlapping(starts_at, ends_at).first()
    if other is not None:
        raise ShiftOverlap(shift=other.pk)
