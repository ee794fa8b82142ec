"""Assignments of kind shift: written for the shifts above, one for each car of a shift.

The caller may have locked vehicle and driver already; locking them again costs nothing. Who needs
more rows locks them after these: vehicles by key, then drivers.
"""

from datetime import datetime

from django.db import transaction

from drivers.models import Driver
from drivers.services import require_active
from vehicles.errors import AssignmentEnded, InvalidAssignmentPeriod
from vehicles.models import Assignment, AssignmentKind, Vehicle
from vehicles.services.assignments import create_assignment, publish
from vehicles.services.parts import lock_drivers, lock_vehicles
from vehicles.services.vehicles import require_in_service
from vehicles.signals import custody_changed
from voltop import clock
from voltop.context import Actor

SHIFT = AssignmentKind.SHIFT.value


@transaction.atomic
def open_shift_assignment(
    *,
    driver: Driver,
    vehicle: Vehicle,
    starts_at: datetime,
    actor: Actor,
    at: datetime | None = None,
) -> Assignment:
    """The driver has the vehicle from `starts_at` until `close_shift_assignment`.

    Raises VehicleNotInService, VehicleRetired, DriverNotActive, OutsideTenure, VehicleAssigned,
    DriverAssigned (409).
    """
    actor.require_same_provider(vehicle, driver)
    [vehicle] = lock_vehicles([vehicle.pk])
    [driver] = lock_drivers([driver.pk])
    actor.require_same_provider(vehicle, driver)
    require_in_service(vehicle)
    require_active(driver)
    return create_assignment(
        vehicle, driver, SHIFT, starts_at, None, actor=actor, at=at or clock.now()
    )


@transaction.atomic
def close_shift_assignment(
    assignment: Assignment, *, ends_at: datetime, actor: Actor, at: datetime | None = None
) -> Assignment:
    """The vehicle is given back. Raises InvalidAssignmentPeriod (400), AssignmentEnded (409)."""
    actor.require_same_provider(assignment)
    if ends_at <= assignment.starts_at:
        raise InvalidAssignmentPeriod(field="ends_at")
    running = Assignment.objects.open().filter(pk=assignment.pk, kind=SHIFT)
    if not running.update(ends_at=ends_at):
        raise AssignmentEnded()
    at = at or clock.now()
    custody_changed.send(
        Assignment,
        vehicle_id=assignment.vehicle_id,
        starts_at=ends_at,
        ends_at=None,
        actor=actor,
        at=at,
    )
    assignment.refresh_from_db()
    publish(assignment, "ended", ("ends_at",), actor=actor, at=at)
    return assignment


@transaction.atomic
def import_shift_assignment(
    *,
    driver: Driver,
    vehicle: Vehicle,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    at: datetime | None = None,
) -> Assignment:
    """A shift of the past had this car over [starts_at, ends_at); what both are now is no matter.

    Raises InvalidAssignmentPeriod (400), OutsideTenure, VehicleAssigned, DriverAssigned (409).
    """
    at = at or clock.now()
    actor.require_same_provider(vehicle, driver)
    if ends_at <= starts_at:
        raise InvalidAssignmentPeriod(field="ends_at")
    [vehicle] = lock_vehicles([vehicle.pk])
    [driver] = lock_drivers([driver.pk])
    actor.require_same_provider(vehicle, driver)
    return create_assignment(vehicle, driver, SHIFT, starts_at, ends_at, actor=actor, at=at)
