"""A shift at work: start, break, resume, another car.

Locks, always in this order: the vehicles by key, the driver, then the shift's row. A start may be
repeated: a phone that lost the answer gets the same shift.
"""

from datetime import datetime, timedelta

from django.db import transaction

from drivers.models import Driver
from fleets import audit
from fleets.models import FleetPolicy
from shifts import gates
from shifts.errors import NoRunningShift, SameVehicle, StartRefused
from shifts.models import RUNNING, SHIFT_MACHINE, Shift, ShiftBreak, ShiftStatus, ShiftStint
from shifts.selectors import usual_vehicle
from shifts.services.parts import (
    cars_of,
    close_break,
    close_stint,
    lock_people_and_cars,
    lock_shift,
    new_shift,
    open_stint,
)
from shifts.signals import shift_started
from vehicles.models import Vehicle
from voltop import clock
from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound, given_reason


@transaction.atomic
def start_shift(
    driver: Driver,
    *,
    actor: Actor,
    vehicle: Vehicle | None = None,
    planned: Shift | None = None,
    override_reason: str = "",
    claimed_at: datetime | None = None,
    at: datetime | None = None,
) -> Shift:
    """Scheduled (or nothing) → active, with a car; the gates are asked, all at once.

    Without `planned`, the driver's plan for now is taken, else the shift is unplanned; without
    `vehicle`, the planned one, else the one the driver has. Starting what already runs (same car)
    returns it. `override_reason` (staff) sets aside the gates that may be; it is audited.
    `claimed_at` is what a phone said where `at` is not that (`claims`).
    Raises StartRefused, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver, *(item for item in (vehicle, planned) if item))
    planned = planned or plan_for(driver, at)
    vehicle = vehicle or car_for(driver, planned, at)
    driver = lock_people_and_cars(driver.pk, [vehicle.pk] if vehicle else [])
    if running := _already_running(driver, vehicle):
        return running
    if vehicle is not None:
        vehicle.refresh_from_db()
    _require_scheduled(driver, planned)
    reasons = gates.refusals(driver, vehicle, planned, at)
    if vehicle is None or any(not (r.overridable and override_reason.strip()) for r in reasons):
        raise StartRefused(reasons=[reason.as_json() for reason in reasons])
    shift = _begin(
        driver,
        vehicle,
        planned,
        actor=actor,
        at=at,
        reason=override_reason.strip(),
        claimed_at=claimed_at,
    )
    if reasons:
        audit.record(
            "shift.start_overridden",
            shift,
            actor=actor,
            at=at,
            changes={"gates": ([reason.code for reason in reasons], [])},
            reason=override_reason.strip(),
        )
    shift_started.send(Shift, shift=shift, actor=actor, at=at)
    return shift


@transaction.atomic
def take_break(shift: Shift, *, actor: Actor, at: datetime | None = None) -> Shift:
    """Active → on break. Raises IllegalMove (409)."""
    at = at or clock.now()
    actor.require_same_provider(shift)
    SHIFT_MACHINE.move(shift, ShiftStatus.ON_BREAK, actor=actor, at=at, only_from={"active"})
    ShiftBreak.objects.create(provider_id=shift.provider_id, shift=shift, starts_at=at)
    shift.refresh_from_db()
    return shift


@transaction.atomic
def resume(shift: Shift, *, actor: Actor, at: datetime | None = None) -> Shift:
    """On break → active. Raises IllegalMove (409)."""
    at = at or clock.now()
    actor.require_same_provider(shift)
    SHIFT_MACHINE.move(shift, ShiftStatus.ACTIVE, actor=actor, at=at, only_from={"on_break"})
    close_break(shift, at)
    shift.refresh_from_db()
    return shift


@transaction.atomic
def change_vehicle(
    shift: Shift,
    vehicle: Vehicle,
    *,
    actor: Actor,
    reason: str,
    override_reason: str = "",
    at: datetime | None = None,
) -> Shift:
    """Go on in another car: the old one is given back and the new one taken at one instant.

    Raises ReasonRequired (400), SameVehicle, NoRunningShift, StartRefused (409; the gates of the
    new vehicle).
    """
    at = at or clock.now()
    actor.require_same_provider(shift, vehicle)
    reason = given_reason(reason)
    driver, shift = lock_shift(shift, also=[vehicle.pk])
    if shift.status not in RUNNING:
        raise NoRunningShift()
    vehicle.refresh_from_db()
    stint = ShiftStint.objects.select_related("assignment").get(shift=shift, ends_at__isnull=True)
    if stint.assignment.vehicle_id == vehicle.pk:
        raise SameVehicle(field="vehicle")
    policy = FleetPolicy.objects.get(provider_id=shift.provider_id)
    reasons = list(gates.vehicle_refusals(policy, driver, vehicle, at))
    if any(not (r.overridable and override_reason.strip()) for r in reasons):
        raise StartRefused(reasons=[item.as_json() for item in reasons])
    close_stint(stint, at, actor=actor)
    open_stint(shift, driver, vehicle, actor=actor, at=at, reason=reason.strip())
    audit.record(
        "shift.vehicle_changed",
        shift,
        actor=actor,
        at=at,
        changes={
            "vehicle": (stint.assignment.vehicle_id, vehicle.pk),
            "gates": ([item.code for item in reasons], []),
        },
        reason=" · ".join(filter(None, (reason.strip(), override_reason.strip()))),
    )
    shift.refresh_from_db()
    return shift


def car_for(driver: Driver, planned: Shift | None, at: datetime) -> Vehicle | None:
    """The car of a start that names none: the planned one, else the one the driver has."""
    planned_car = planned.planned_vehicle if planned is not None else None
    return planned_car or usual_vehicle(driver, at)


def plan_for(driver: Driver, at: datetime) -> Shift | None:
    """The planned shift that is meant: its period, with the grace before it, holds then."""
    policy = FleetPolicy.objects.get(provider_id=driver.provider_id)
    grace = timedelta(minutes=policy.shift_grace_min)
    return Shift.objects.planned_within(driver.pk, at, ahead=grace).first()


def _already_running(driver: Driver, vehicle: Vehicle | None) -> Shift | None:
    """The driver's running shift, where the start that is asked for is the one it had."""
    running = Shift.objects.running().filter(driver=driver).first()
    if running is None or vehicle is None:
        return running
    return running if vehicle.pk in cars_of(running) else None


def _require_scheduled(driver: Driver, planned: Shift | None) -> None:
    """Raises NotFound for another driver's plan, IllegalMove for one that cannot start."""
    if planned is None:
        return
    planned.refresh_from_db()
    if planned.driver_id != driver.pk:
        raise NotFound()
    if planned.status != ShiftStatus.SCHEDULED:
        raise IllegalMove(
            object="shift",
            state=planned.status,
            to=ShiftStatus.ACTIVE.value,
            allowed=sorted(SHIFT_MACHINE.moves[planned.status]),
        )


def _begin(
    driver: Driver,
    vehicle: Vehicle,
    planned: Shift | None,
    *,
    actor: Actor,
    at: datetime,
    reason: str,
    claimed_at: datetime | None,
) -> Shift:
    """The running shift, with its first stint; the gates have been asked."""
    told = {"claimed_at": claimed_at}
    if planned is not None:
        shift = planned
        SHIFT_MACHINE.move(
            shift,
            ShiftStatus.ACTIVE,
            actor=actor,
            at=at,
            reason=reason,
            only_from={"scheduled"},
            told=told,
            starts_at=at,
        )
    else:
        shift = new_shift(driver, vehicle, starts_at=at, status=ShiftStatus.ACTIVE)
        SHIFT_MACHINE.open(shift, actor=actor, at=at, reason=reason, told=told)
    open_stint(shift, driver, vehicle, actor=actor, at=at)
    shift.refresh_from_db()
    return shift
