"""Reads that join shifts with cars, people and plans."""

from datetime import datetime

from drivers.models import Driver
from fleets.models import FleetProvider
from shifts.models import Shift, ShiftStatus
from vehicles.models import Assignment, AssignmentKind, Vehicle

_ORDER = (AssignmentKind.SHIFT, AssignmentKind.TEMPORARY, AssignmentKind.PERMANENT)


def usual_vehicle(driver: Driver, at: datetime) -> Vehicle | None:
    """The car that a driver has at an instant: by shift, else temporary, else permanent."""
    held = {
        assignment.kind: assignment.vehicle
        for assignment in Assignment.objects.filter(driver=driver).at(at).select_related("vehicle")
    }
    return next((held[kind] for kind in _ORDER if kind in held), None)


def shift_in_force(driver_id: int, at: datetime) -> Shift | None:
    """The driver's shift (running or worked) whose period holds the instant."""
    return Shift.objects.unscoped().filter(driver_id=driver_id).at(at).first()


def blockers_of_provider(provider: FleetProvider) -> list[dict[str, object]]:
    """What of shifts stands in the way of closing a provider: shifts running or not settled."""
    shifts = Shift.objects.for_provider(provider.pk)
    running = shifts.running().count()
    unpaid = shifts.filter(status__in=("auto_closed", "ended", "confirmed")).count()
    found: list[dict[str, object]] = []
    if running:
        found.append({"code": "shifts_running", "count": running})
    if unpaid:
        found.append({"code": "shifts_unsettled", "count": unpaid})
    return found


def blockers_of_driver(driver: Driver) -> list[dict[str, object]]:
    """What of shifts stands in the way of a driver's leaving for good: one that runs."""
    count = Shift.objects.running().filter(driver=driver).count()
    return [{"code": "shifts_running", "count": count}] if count else []


def running_shift(driver: Driver) -> Shift | None:
    return Shift.objects.running().filter(driver=driver).first()


def last_worked_shift(driver: Driver) -> Shift | None:
    return Shift.objects.worked().filter(driver=driver).order_by("-ends_at").first()


def current_or_next_shift(driver: Driver) -> Shift | None:
    """The running shift, else the planned one that begins first."""
    planned = Shift.objects.filter(driver=driver, status=ShiftStatus.SCHEDULED)
    return running_shift(driver) or planned.order_by("planned_starts_at").first()
