"""Start gates: everything that stands in the way of a shift, all at once, each with its code.

Shifts has its own; higher apps register theirs (`registry.START_GATES`): a function of
(driver, vehicle | None, at) that returns refusals. A gate only looks; it changes nothing.
Not here: what the constraints of the database guard anyway.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Max

from drivers.models import Driver
from drivers.services import require_active as require_active_driver
from drivers.services import require_face, require_papers
from fleets.models import FleetPolicy, FleetProvider
from fleets.services import require_active as require_active_provider
from shifts.errors import (
    NoVehicle,
    RestTooShort,
    ShiftRunning,
    SocTooLow,
    TooEarly,
    UnplannedShift,
)
from shifts.models import Shift
from vehicles.errors import VehicleAssigned
from vehicles.models import Assignment, AssignmentKind, Vehicle, VehicleState
from vehicles.services import require_in_service
from voltop import clock, registry
from voltop.errors import DomainError


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a shift may not start; staff may override some, with a reason of theirs."""

    error: DomainError
    overridable: bool = False

    @property
    def code(self) -> str:
        return self.error.code

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.error.code,
            "detail": str(self.error.detail),
            "overridable": self.overridable,
            **self.error.extra,
        }


def refusals(
    driver: Driver,
    vehicle: Vehicle | None,
    planned: Shift | None,
    at: datetime,
    *,
    policy: FleetPolicy | None = None,
) -> list[Refusal]:
    """All reasons why this driver may not start with this vehicle now; empty when nothing does.

    `policy`: the company's, where the caller has just read it, with the company.
    """
    if policy is None:
        rules = FleetPolicy.objects.select_related("provider")
        policy = rules.get(provider_id=driver.provider_id)
    provider = policy.provider
    found = [
        *_of_people(provider, driver),
        *_of_papers(provider, policy, driver, at),
        *_of_face(policy, driver, at),
        *_of_plan(policy, planned, at),
        *_of_rest(policy, driver, at),
        *_of_vehicle(policy, driver, vehicle, at),
    ]
    for gate in registry.collect(registry.START_GATES).values():
        found.extend(gate(driver, vehicle, at))
    return found


def _of_people(provider: FleetProvider, driver: Driver) -> Iterator[Refusal]:
    yield from _refusal_of(require_active_provider, provider)
    yield from _refusal_of(require_active_driver, driver)
    running = Shift.objects.running().filter(driver=driver).first()
    if running is not None:
        yield Refusal(ShiftRunning(shift=running.pk))


def _of_papers(
    provider: FleetProvider, policy: FleetPolicy, driver: Driver, at: datetime
) -> Iterator[Refusal]:
    """What the law asks for is not set aside: a new paper is what helps."""
    today = clock.local_date(at, clock.shown_zone(provider.time_zone))
    guard = partial(require_papers, demanded=policy.driver_documents, on=today)
    yield from _refusal_of(guard, driver)


def _of_face(policy: FleetPolicy, driver: Driver, at: datetime) -> Iterator[Refusal]:
    """Whoever starts it for the driver has seen them; so has who set the check aside."""
    guard = partial(require_face, policy=policy, at=at)
    for refusal in _refusal_of(guard, driver):
        yield Refusal(refusal.error, overridable=True)


def _refusal_of(guard: Callable[[Any], None], thing: Any) -> Iterator[Refusal]:
    """What a guard of another app would raise, as a reason among others."""
    try:
        guard(thing)
    except DomainError as error:
        yield Refusal(error)


def _of_plan(policy: FleetPolicy, planned: Shift | None, at: datetime) -> Iterator[Refusal]:
    if planned is None:
        if not policy.unplanned_shifts:
            yield Refusal(UnplannedShift(), overridable=True)
    elif planned.planned_starts_at is not None:
        from_at = planned.planned_starts_at - timedelta(minutes=policy.shift_grace_min)
        if at < from_at:
            yield Refusal(TooEarly(from_at=from_at.isoformat()), overridable=True)


def _of_rest(policy: FleetPolicy, driver: Driver, at: datetime) -> Iterator[Refusal]:
    worked = Shift.objects.worked().filter(driver=driver, starts_at__lt=at)
    last = worked.aggregate(last=Max("ends_at"))["last"]
    if last is None:
        return
    free_at = last + timedelta(hours=float(policy.min_rest_h))
    if at < free_at:
        yield Refusal(RestTooShort(free_at=free_at.isoformat()), overridable=True)


def _of_vehicle(
    policy: FleetPolicy, driver: Driver, vehicle: Vehicle | None, at: datetime
) -> Iterator[Refusal]:
    if vehicle is None:
        yield Refusal(NoVehicle())
        return
    yield from vehicle_refusals(policy, driver, vehicle, at)


def vehicle_refusals(
    policy: FleetPolicy, driver: Driver, vehicle: Vehicle, at: datetime
) -> Iterator[Refusal]:
    """What of the vehicle stands in the way: asked at the start and when the car is changed."""
    yield from _refusal_of(require_in_service, vehicle)
    taken = (
        Assignment.objects.filter(vehicle=vehicle, kind=AssignmentKind.SHIFT)
        .overlapping(at, at + timedelta(seconds=1))
        .exclude(driver=driver)
        .first()
    )
    if taken is not None:
        yield Refusal(VehicleAssigned(driver=taken.driver_id, assignment=taken.pk))
    state = VehicleState.objects.filter(vehicle=vehicle).first()
    soc_pct = state.soc_pct if state is not None else None
    if soc_pct is not None and soc_pct < policy.min_soc_to_start_pct:
        yield Refusal(
            SocTooLow(soc_pct=soc_pct, min_soc_pct=policy.min_soc_to_start_pct),
            overridable=True,
        )
