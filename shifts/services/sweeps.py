"""What the clock does to shifts: nobody came, and nobody ended it. Safe to run twice."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from fleets.models import FleetPolicy
from fleets.selectors import of_beginning_companies
from shifts.models import Shift, ShiftStatus
from shifts.services.ending import auto_close
from shifts.services.planning import miss_shift
from voltop import clock
from voltop.context import Actor
from voltop.errors import IllegalMove


def miss_due(*, at: datetime | None = None) -> int:
    """Planned shifts whose period passed without a start become missed; returns how many.

    Not of a suspended company: nobody could start them. They may be called off meanwhile.
    """
    at = at or clock.now()
    due = Shift.objects.unscoped().filter(status=ShiftStatus.SCHEDULED, planned_ends_at__lte=at)
    return _each(of_beginning_companies(due), miss_shift, "shifts.miss_due", at)


def auto_close_due(*, at: datetime | None = None) -> int:
    """Shifts that run past their provider's longest shift and grace are closed; how many."""
    at = at or clock.now()
    closed = 0
    limits = FleetPolicy.objects.unscoped().filter(
        provider_id__in=Shift.objects.unscoped().running().values("provider_id")
    )
    for policy in limits.only("provider_id", "shift_max_h", "shift_grace_min"):
        begun = (
            at
            - timedelta(hours=float(policy.shift_max_h))
            - timedelta(minutes=policy.shift_grace_min)
        )
        due = Shift.objects.for_provider(policy.provider_id).running()
        closed += _each(due.filter(starts_at__lte=begun), auto_close, "shifts.auto_close_due", at)
    return closed


def _each(due: QuerySet[Shift], service: Callable[..., Shift], job: str, at: datetime) -> int:
    """Call the service for each shift, each its own transaction; what moved meanwhile is left."""
    done = 0
    for shift in due.order_by("pk")[:1000]:
        try:
            service(shift, actor=Actor.system(job, shift.provider_id), at=at)
        except IllegalMove:
            continue  # somebody moved it between our look and our lock
        done += 1
    return done
