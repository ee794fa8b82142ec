"""Assignments that people make: whose car it usually is, and who has it for a time.

Locks, always in this order: vehicles by key, drivers by key, then assignments. With vehicle and
driver locked, what the exclusion constraints would refuse is found first and named: of two
requests at once the second learns who won. Not here: shift assignments (`shift_assignments`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from drivers.models import Driver
from drivers.services import require_active
from fleets import audit
from vehicles.errors import (
    AssignmentBegun,
    AssignmentEnded,
    AssignmentOfShift,
    AssignmentsNotAlike,
    DriverAssigned,
    InvalidAssignmentPeriod,
    OutsideTenure,
    VehicleAssigned,
)
from vehicles.models import Assignment, AssignmentKind, Vehicle, VehicleTenure
from vehicles.querysets import AssignmentQuerySet
from vehicles.services.parts import lock_drivers, lock_vehicles
from vehicles.services.vehicles import require_in_service
from vehicles.signals import custody_changed
from voltop import clock, events
from voltop.context import Actor


@transaction.atomic
def assign(
    vehicle: Vehicle,
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> Assignment:
    """Give the driver the vehicle over [starts_at, ends_at); default: from now on. May lie ahead.

    Raises InvalidAssignmentPeriod (400), AssignmentOfShift, VehicleNotInService, VehicleRetired,
    DriverNotActive, OutsideTenure, and VehicleAssigned or DriverAssigned naming the winner (409).
    """
    at = at or clock.now()
    starts_at = starts_at or at
    vehicle, driver = _ready(vehicle, driver, kind, starts_at, ends_at, actor=actor)
    return create_assignment(vehicle, driver, kind, starts_at, ends_at, actor=actor, at=at)


@transaction.atomic
def reassign(
    vehicle: Vehicle,
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> Assignment:
    """Like `assign`, taking the place of what stands in the way.

    What began before `starts_at` ends there, what has not begun is called off; what began after
    `starts_at` is history and stays in the way. Raises what `assign` raises.
    """
    at = at or clock.now()
    starts_at = starts_at or at
    vehicle, driver = _ready(vehicle, driver, kind, starts_at, ends_at, actor=actor)
    blockers = _of_either(vehicle, driver, kind).overlapping(starts_at, ends_at)
    for blocker in blockers.select_for_update(no_key=True).order_by("pk"):
        if blocker.starts_at < starts_at:
            _end(blocker, starts_at, actor=actor, at=at)
        elif blocker.starts_at > at:
            _cancel(blocker, actor=actor, at=at)
    return create_assignment(vehicle, driver, kind, starts_at, ends_at, actor=actor, at=at)


@transaction.atomic
def end_assignment(
    assignment: Assignment,
    *,
    actor: Actor,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> Assignment:
    """The vehicle goes back at `ends_at` (default: now), earlier than it would have.

    Raises InvalidAssignmentPeriod (400), AssignmentOfShift, AssignmentEnded (409).
    """
    at = at or clock.now()
    actor.require_same_provider(assignment)
    assignment = _locked(assignment)
    ends_at = ends_at or at
    if assignment.ends_at is not None and assignment.ends_at <= ends_at:
        raise AssignmentEnded()
    if ends_at <= assignment.starts_at:
        raise InvalidAssignmentPeriod(field="ends_at")
    _end(assignment, ends_at, actor=actor, at=at)
    return assignment


@transaction.atomic
def cancel_assignment(
    assignment: Assignment, *, actor: Actor, at: datetime | None = None
) -> Assignment:
    """Call off what has not begun.

    Raises AssignmentOfShift, AssignmentEnded, AssignmentBegun (409).
    """
    at = at or clock.now()
    actor.require_same_provider(assignment)
    assignment = _locked(assignment)
    if assignment.starts_at <= at:
        raise AssignmentBegun()
    _cancel(assignment, actor=actor, at=at)
    return assignment


@transaction.atomic
def swap_assignments(
    first: Assignment, second: Assignment, *, actor: Actor, at: datetime | None = None
) -> tuple[Assignment, Assignment]:
    """Two drivers exchange their vehicles now, in one step; each new one ends when the vehicle's
    old one would have. Returns the new assignments of the first and the second vehicle.

    Raises AssignmentsNotAlike, AssignmentOfShift and what `assign` raises (409).
    """
    at = at or clock.now()
    actor.require_same_provider(first, second)
    cars = lock_vehicles([first.vehicle_id, second.vehicle_id])
    people = lock_drivers([first.driver_id, second.driver_id])
    first, second = _locked(first), _locked(second)
    alike = first.kind == second.kind and len({*cars}) == 2
    if not alike or any(not _runs(item, at) for item in (first, second)):
        raise AssignmentsNotAlike()
    for car in cars:
        require_in_service(car)
    for person in people:
        require_active(person)
    ends = first.ends_at, second.ends_at
    for item in (first, second):
        _end(item, at, actor=actor, at=at)
    one = create_assignment(cars[0], people[1], first.kind, at, ends[0], actor=actor, at=at)
    two = create_assignment(cars[1], people[0], first.kind, at, ends[1], actor=actor, at=at)
    return one, two


def create_assignment(
    vehicle: Vehicle,
    driver: Driver,
    kind: str,
    starts_at: datetime,
    ends_at: datetime | None,
    *,
    actor: Actor,
    at: datetime,
) -> Assignment:
    """The row, once vehicle and driver are locked. Not for other apps.

    Raises OutsideTenure, VehicleAssigned, DriverAssigned (409).
    """
    _require_own(vehicle, starts_at, ends_at)
    taken = Assignment.objects.filter(kind=kind).overlapping(starts_at, ends_at)
    if winner := taken.filter(vehicle=vehicle).order_by("starts_at").first():
        raise VehicleAssigned(driver=winner.driver_id, **_period(winner))
    if winner := taken.filter(driver=driver).order_by("starts_at").first():
        raise DriverAssigned(vehicle=winner.vehicle_id, **_period(winner))
    assignment = Assignment.objects.create(
        provider_id=vehicle.provider_id,
        vehicle=vehicle,
        driver=driver,
        kind=AssignmentKind(kind),
        starts_at=starts_at,
        ends_at=ends_at,
    )
    if kind != AssignmentKind.SHIFT:  # of those, the shift's timeline tells
        changes = {"driver": (None, driver.pk), "starts_at": (None, starts_at)}
        audit.record("assignment.made", assignment, actor=actor, at=at, changes=changes)
    _tell(assignment, starts_at, ends_at, actor=actor, at=at)
    assignment.refresh_from_db()
    publish(assignment, "made", ("starts_at",), actor=actor, at=at)
    return assignment


def publish(
    assignment: Assignment, what: str, changed: Sequence[str], *, actor: Actor, at: datetime
) -> None:
    """Tell integrators of an assignment as it is now. Not for other apps."""
    events.publish_change(
        assignment,
        f"assignment.{what}",
        actor=actor,
        at=at,
        changed=changed,
        ids=("vehicle", "driver"),
    )


def _ready(
    vehicle: Vehicle,
    driver: Driver,
    kind: str,
    starts_at: datetime,
    ends_at: datetime | None,
    *,
    actor: Actor,
) -> tuple[Vehicle, Driver]:
    """Vehicle and driver locked, both fit to start something; the period is one."""
    actor.require_same_provider(vehicle, driver)
    if kind == AssignmentKind.SHIFT:
        raise AssignmentOfShift(field="kind")
    if ends_at is not None and ends_at <= starts_at:
        raise InvalidAssignmentPeriod(field="ends_at")
    [vehicle] = lock_vehicles([vehicle.pk])
    [driver] = lock_drivers([driver.pk])
    actor.require_same_provider(vehicle, driver)
    require_in_service(vehicle)
    require_active(driver)
    return vehicle, driver


def _require_own(vehicle: Vehicle, starts_at: datetime, ends_at: datetime | None) -> None:
    """The present holder's tenure spans the whole period."""
    tenure = VehicleTenure.objects.filter(provider_id=vehicle.provider_id, vehicle=vehicle).latest(
        "starts_at"
    )
    over = tenure.ends_at is not None and (ends_at is None or ends_at > tenure.ends_at)
    if over or starts_at < tenure.starts_at:
        raise OutsideTenure(
            starts_at=tenure.starts_at.isoformat(),
            ends_at=tenure.ends_at.isoformat() if tenure.ends_at else None,
        )


def _of_either(vehicle: Vehicle, driver: Driver, kind: str) -> AssignmentQuerySet[Assignment]:
    return Assignment.objects.filter(kind=kind).filter(Q(vehicle=vehicle) | Q(driver=driver))


def _locked(assignment: Assignment) -> Assignment:
    """The row as it is now. Raises AssignmentOfShift, AssignmentEnded (409; called off)."""
    assignment = Assignment.objects.select_for_update(no_key=True).get(pk=assignment.pk)
    if assignment.kind == AssignmentKind.SHIFT:
        raise AssignmentOfShift()
    if assignment.cancelled_at is not None:
        raise AssignmentEnded()
    return assignment


def _runs(assignment: Assignment, at: datetime) -> bool:
    return assignment.starts_at < at and (assignment.ends_at is None or assignment.ends_at > at)


def _end(assignment: Assignment, ends_at: datetime, *, actor: Actor, at: datetime) -> None:
    before = assignment.ends_at
    Assignment.objects.filter(pk=assignment.pk).update(ends_at=ends_at)
    changes = {"ends_at": (before, ends_at)}
    audit.record("assignment.ended", assignment, actor=actor, at=at, changes=changes)
    _tell(assignment, ends_at, before, actor=actor, at=at)
    assignment.refresh_from_db()
    publish(assignment, "ended", ("ends_at",), actor=actor, at=at)


def _cancel(assignment: Assignment, *, actor: Actor, at: datetime) -> None:
    Assignment.objects.filter(pk=assignment.pk).update(cancelled_at=at)
    audit.record("assignment.cancelled", assignment, actor=actor, at=at)
    _tell(assignment, assignment.starts_at, assignment.ends_at, actor=actor, at=at)
    assignment.refresh_from_db()
    publish(assignment, "cancelled", ("cancelled_at",), actor=actor, at=at)


def _tell(
    assignment: Assignment,
    starts_at: datetime,
    ends_at: datetime | None,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    custody_changed.send(
        Assignment,
        vehicle_id=assignment.vehicle_id,
        starts_at=starts_at,
        ends_at=ends_at,
        actor=actor,
        at=at,
    )


def _period(assignment: Assignment) -> dict[str, Any]:
    return {
        "assignment": assignment.pk,
        "starts_at": assignment.starts_at.isoformat(),
        "ends_at": assignment.ends_at.isoformat() if assignment.ends_at else None,
    }
