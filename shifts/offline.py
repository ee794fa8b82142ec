"""What of shifts a driver's phone may queue: the moves of one's own shift, with their times."""

from functools import partial
from typing import Any

from drivers.models import Driver
from shifts import services
from shifts.errors import NoRunningShift
from shifts.models import Shift
from shifts.serializers import OwnStartSerializer
from shifts.services.claims import OLDEST
from voltop.api.offline import Occurrence, OfflineKind
from voltop.api.serializers import Serializer
from voltop.context import Actor

PERMISSION = "shifts.work_shift"


def kinds() -> list[OfflineKind]:
    """Start, break, resume and end; all but the first wait for a start that is still to come."""
    moves = {
        "shift.break": services.break_as_claimed,
        "shift.resume": services.resume_as_claimed,
        "shift.end": services.end_as_claimed,
    }
    return [
        OfflineKind("shift.start", PERMISSION, OwnStartSerializer, _start, oldest=OLDEST),
        *(
            OfflineKind(
                name,
                PERMISSION,
                Serializer,
                partial(_move, service),
                oldest=OLDEST,
                waits_for=(NoRunningShift,),
            )
            for name, service in moves.items()
        ),
    ]


def _start(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Shift:
    return services.start_as_claimed(driver, actor=actor, claimed_at=event.occurred_at, **values)


def _move(
    service: Any, driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence
) -> Shift:
    shift: Shift = service(driver, actor=actor, claimed_at=event.occurred_at)
    return shift
