"""What the clock does to shifts: nobody came, and nobody ended it. Safe to run twice."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from fleets.models import FleetPolicy
from fleets.selectors import of_beginning_companies
from shifts.models import Shift, ShiftStatus
from shifts.services.ending import auto_close
from shifts.services.planning import miss_shift
from voltop import clock, jobs
from voltop.context import Actor
from voltop.errors import IllegalMove

MISS, CLOSE = "shifts.miss_due", "shifts.auto_close_due"


def miss_due(*, at: datetime | None = None) -> int:
    """Planned shifts whose period passed without a start become missed; returns how many.

    Not of a suspended company: nobody could start them. They may be called off meanwhile.
    """
    at = at or clock.now()
    past = Shift.objects.unscoped().filter(status=ShiftStatus.SCHEDULED, planned_ends_at__lte=at)
    due = of_beginning_companies(past)
    companies = due.order_by("provider_id").values_list("provider_id", flat=True).distinct()
    missed = 0
    with jobs.apart(MISS, at=at) as pieces:
        for provider_id in list(companies):
            own = due.filter(provider_id=provider_id)
            missed += _each(own, miss_shift, MISS, at, pieces)
    return missed


def auto_close_due(*, at: datetime | None = None) -> int:
    """Shifts that run past their provider's longest shift and grace are closed; how many."""
    at = at or clock.now()
    closed = 0
    limits = FleetPolicy.objects.unscoped().filter(
        provider_id__in=Shift.objects.unscoped().running().values("provider_id")
    )
    with jobs.apart(CLOSE, at=at) as pieces:
        for policy in limits.only("provider_id", "shift_max_h", "shift_grace_min"):
            with pieces.of(policy.provider_id):
                begun = (
                    at
                    - timedelta(hours=float(policy.shift_max_h))
                    - timedelta(minutes=policy.shift_grace_min)
                )
                due = Shift.objects.for_provider(policy.provider_id).running()
                due = due.filter(starts_at__lte=begun)
                closed += _each(due, auto_close, CLOSE, at, pieces)
    return closed


def _each(
    due: QuerySet[Shift],
    service: Callable[..., Shift],
    job: str,
    at: datetime,
    pieces: jobs.Apart,
) -> int:
    """Call the service for each shift of a company; what moved meanwhile is left."""
    done = 0
    for shift in due.order_by("pk")[:1000]:
        with pieces.of(shift.provider_id):
            try:
                service(shift, actor=Actor.system(job, shift.provider_id), at=at)
            except IllegalMove:
                continue  # somebody moved it between our look and our lock
            done += 1
    return done
