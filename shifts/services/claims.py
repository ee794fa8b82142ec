"""What a phone says later of when a shift began, paused and ended.

Of the two times of a start or an end, when the phone says that it happened and when the word of it
arrived, the phone's counts if it came within five minutes, or if the car was on or moved within a
quarter of an hour of it. Otherwise the server's counts and the shift is marked for review, so that
no clock of a phone makes money; what the phone said stands in the shift's timeline. A break lies
within a shift whose ends are judged so, and is taken as it is told: it only makes the paid time
shorter. Its end makes it longer again; it is taken as told too, but a person looks at one that came
late and that no car vouches for.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from drivers.models import Driver
from fleets.models import FleetPolicy
from shifts.errors import NoRunningShift
from shifts.models import RUNNING, Shift
from shifts.services.ending import end_shift
from shifts.services.parts import cars_of
from shifts.services.review import mark_for_review
from shifts.services.working import car_for, plan_for, resume, start_shift, take_break
from telemetry.selectors import was_in_use
from vehicles.models import Vehicle
from voltop import clock
from voltop.context import Actor

PROMPT = timedelta(minutes=5)
AROUND = timedelta(minutes=15)
OLDEST = timedelta(hours=24)
"""An older claim of a start, a break or an end is for the office to judge."""


@transaction.atomic
def start_as_claimed(
    driver: Driver,
    *,
    actor: Actor,
    claimed_at: datetime,
    vehicle: Vehicle | None = None,
    at: datetime | None = None,
) -> Shift:
    """Start as `start_shift` does, when the phone says if that counts; gates are asked of then.

    Raises what `start_shift` raises.
    """
    at = at or clock.now()
    claimed_at = min(claimed_at, at)
    car = vehicle or car_for(driver, plan_for(driver, claimed_at), claimed_at)
    counts = _time_that_counts([car.pk] if car else [], claimed_at, at)
    said = None if counts == claimed_at else claimed_at
    shift = start_shift(driver, actor=actor, vehicle=vehicle, claimed_at=said, at=counts)
    if said is not None and shift.starts_at == counts:
        mark_for_review(shift, "late_start")
        shift.refresh_from_db()
    return shift


@transaction.atomic
def end_as_claimed(
    driver: Driver, *, actor: Actor, claimed_at: datetime, at: datetime | None = None
) -> Shift:
    """End the shift that ran at the claimed time; one that is over since is returned as it is.

    Raises NoRunningShift (409), also where only a later shift runs.
    """
    at = at or clock.now()
    claimed_at = min(claimed_at, at)
    shift = _shift_of(driver, claimed_at)
    if not shift.is_running:
        return shift
    counts = _time_that_counts(cars_of(shift), claimed_at, at)
    counts = counts if counts > _last_change(shift) else at
    said = None if counts == claimed_at else claimed_at
    if said is not None:
        mark_for_review(shift, "late_end")
    return end_shift(shift, actor=actor, claimed_at=said, at=counts)


@transaction.atomic
def break_as_claimed(
    driver: Driver, *, actor: Actor, claimed_at: datetime, at: datetime | None = None
) -> Shift:
    """Active → on break, when the phone says. Raises NoRunningShift, IllegalMove (409)."""
    at = at or clock.now()
    shift = _shift_of(driver, claimed_at)
    return take_break(shift, actor=actor, at=_within(shift, claimed_at, at))


@transaction.atomic
def resume_as_claimed(
    driver: Driver, *, actor: Actor, claimed_at: datetime, at: datetime | None = None
) -> Shift:
    """On break → active, when the phone says; marked for review where nothing else says so.

    Raises NoRunningShift, IllegalMove (409).
    """
    at = at or clock.now()
    shift = _shift_of(driver, claimed_at)
    counts = _within(shift, claimed_at, at)
    if _time_that_counts(cars_of(shift), counts, at) != counts:
        mark_for_review(shift, "late_resume")
    return resume(shift, actor=actor, at=counts)


def _time_that_counts(vehicle_ids: list[int], claimed_at: datetime, at: datetime) -> datetime:
    """The claimed time, where it came at once or a car vouches for it; else the server's."""
    if at - claimed_at <= PROMPT:
        return claimed_at
    around = (claimed_at - AROUND, claimed_at + AROUND)
    vouched = any(was_in_use(vehicle_id, *around) for vehicle_id in vehicle_ids)
    return claimed_at if vouched else at


def _shift_of(driver: Driver, claimed_at: datetime) -> Shift:
    """The shift that a claim means: one that had begun by then and could still have been running.

    The longest shift of the company tells yesterday's from one whose start is still to come.
    Raises NoRunningShift (409).
    """
    longest_h = FleetPolicy.objects.get(provider_id=driver.provider_id).shift_max_h
    since = claimed_at - timedelta(hours=float(longest_h))
    known = Shift.objects.filter(driver=driver, starts_at__isnull=False)
    known = known.filter(Q(status__in=RUNNING) | Q(starts_at__gte=since))
    for shift in known.order_by("-starts_at"):
        if _begun_at(shift) <= claimed_at:
            return shift
    raise NoRunningShift()


def _begun_at(shift: Shift) -> datetime:
    """When a shift began, or the phone said that it did."""
    said = shift.events.filter(from_state__in=("", "scheduled"), claimed_at__isnull=False).first()
    started_at = [shift.starts_at, said.claimed_at if said is not None else None]
    return min(at for at in started_at if at is not None)


def _within(shift: Shift, claimed_at: datetime, at: datetime) -> datetime:
    """The claimed time, where nothing of the shift happened after it; else the server's."""
    return claimed_at if _last_change(shift) < claimed_at < at else at


def _last_change(shift: Shift) -> datetime:
    """When the shift began, paused, went on or changed its car last."""
    changes = [
        *shift.stints.values_list("starts_at", flat=True),
        *(at for rest in shift.breaks.values_list("starts_at", "ends_at") for at in rest if at),
    ]
    return max(changes)
