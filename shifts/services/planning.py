"""Planned shifts: scheduling, cancelling, and noting that nobody came."""

from datetime import datetime

from django.db import transaction

from drivers.models import Driver
from drivers.services import require_active
from fleets.models import Depot, FleetProvider
from fleets.services import require_active as require_active_provider
from shifts.errors import ShiftPlanOverlap
from shifts.models import (
    PROPOSAL_MACHINE,
    RUNNING,
    SHIFT_MACHINE,
    ProposalState,
    Shift,
    ShiftProposal,
    ShiftStatus,
)
from shifts.services.parts import new_shift, require_length
from vehicles.models import Vehicle
from voltop import clock
from voltop.context import Actor
from voltop.errors import given_reason


@transaction.atomic
def schedule_shift(
    driver: Driver,
    *,
    actor: Actor,
    starts_at: datetime,
    ends_at: datetime,
    vehicle: Vehicle | None = None,
    depot: Depot | None = None,
    at: datetime | None = None,
) -> Shift:
    """Plan a shift for a driver, with or without a car.

    Raises ProviderNotActive, DriverNotActive, ShiftPlanOverlap (409), InvalidShiftPeriod,
    ShiftTooLong (400).
    """
    at = at or clock.now()
    actor.require_same_provider(driver, *(item for item in (vehicle, depot) if item))
    provider = FleetProvider.objects.get(pk=driver.provider_id)
    require_active_provider(provider)
    driver = Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    require_active(driver)
    require_length(driver.provider_id, starts_at, ends_at)
    _require_free_plan(driver, starts_at, ends_at)
    shift = new_shift(
        driver,
        vehicle,
        depot=depot,
        planned_vehicle=vehicle,
        planned_starts_at=starts_at,
        planned_ends_at=ends_at,
    )
    SHIFT_MACHINE.open(shift, actor=actor, at=at)
    shift.refresh_from_db()
    return shift


@transaction.atomic
def cancel_shift(shift: Shift, *, actor: Actor, reason: str, at: datetime | None = None) -> Shift:
    """Scheduled → cancelled. Raises ReasonRequired (400), IllegalMove (409)."""
    at = at or clock.now()
    actor.require_same_provider(shift)
    reason = given_reason(reason)
    SHIFT_MACHINE.move(shift, ShiftStatus.CANCELLED, actor=actor, at=at, reason=reason.strip())
    shift.refresh_from_db()
    return shift


@transaction.atomic
def miss_shift(shift: Shift, *, actor: Actor, at: datetime | None = None) -> Shift:
    """Scheduled → missed: its planned period passed and nobody started it. Raises IllegalMove."""
    at = at or clock.now()
    actor.require_same_provider(shift)
    SHIFT_MACHINE.move(shift, ShiftStatus.MISSED, actor=actor, at=at)
    shift.refresh_from_db()
    return shift


@transaction.atomic
def forget_driver(driver: Driver, *, actor: Actor, reason: str, at: datetime | None = None) -> int:
    """The driver starts nothing any more: planned shifts are cancelled; returns how many."""
    planned = Shift.objects.filter(driver=driver, status=ShiftStatus.SCHEDULED)
    shifts = list(planned.select_for_update(no_key=True).order_by("pk"))
    for shift in shifts:
        cancel_shift(shift, actor=actor, reason=reason, at=at)
    return len(shifts)


@transaction.atomic
def forget_vehicle(
    vehicle_id: int, provider_id: int, *, actor: Actor, at: datetime | None = None
) -> None:
    """The car is no longer the company's: planned shifts lose it, open proposals of it too."""
    at = at or clock.now()
    Shift.objects.for_provider(provider_id).filter(
        planned_vehicle_id=vehicle_id, status=ShiftStatus.SCHEDULED
    ).update(planned_vehicle=None)
    own = ShiftProposal.objects.for_provider(provider_id).filter(vehicle_id=vehicle_id)
    for proposal in own.waiting().select_for_update(no_key=True).order_by("pk"):
        PROPOSAL_MACHINE.move(proposal, ProposalState.WITHDRAWN, actor=actor, at=at)


def _require_free_plan(driver: Driver, starts_at: datetime, ends_at: datetime) -> None:
    """Named error for what the exclusion constraint would refuse; the driver row is locked."""
    other = Shift.objects.filter(
        driver=driver,
        status__in=(ShiftStatus.SCHEDULED, *RUNNING),
        planned_starts_at__lt=ends_at,
        planned_ends_at__gt=starts_at,
    ).first()
    if other is not None:
        raise ShiftPlanOverlap(shift=other.pk)
