"""Proposing shifts of a whole company as a job that people watch: one vehicle per transaction.

The vehicles are fixed when the job is asked for, and `done` says how many of them are behind us,
so that any worker may go on where another was lost.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from fleets.models import FleetProvider
from shifts.errors import InvalidShiftPeriod
from shifts.services.proposals import DEFAULT_GAP_H, propose_of_vehicle, vehicles_of
from voltop import jobs
from voltop.context import Actor
from voltop.jobs import Job
from voltop.rings import ring

KIND = "shifts.propose"
TASK = "shifts.run_proposal_jobs"


@transaction.atomic
def request_proposals(
    provider: FleetProvider,
    *,
    actor: Actor,
    start: datetime,
    end: datetime,
    vehicles: list[int] | None = None,
    gap_h: int = DEFAULT_GAP_H,
    at: datetime | None = None,
) -> Job:
    """Ask for proposals of shifts that begin in [start, end). Raises InvalidShiftPeriod (400)."""
    actor.require_same_provider(provider)
    if end <= start:
        raise InvalidShiftPeriod(field="end")
    ids = list(vehicles_of(provider.pk, vehicles).values_list("pk", flat=True))
    params = {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "gap_h": gap_h,
        "vehicles": ids,
        "proposed": 0,
        "withdrawn": 0,
        "unchanged": 0,
    }
    job = jobs.queue(KIND, actor=actor, params=params, total=len(ids), at=at)
    ring(TASK)
    return job


def run_proposal_jobs(*, budget_s: float = 120) -> int:
    """Work on the open jobs, oldest first, until none is left or the time is used up.

    Returns how many vehicles were done. Safe to run at once and twice.
    """
    return jobs.work_through(KIND, _propose_next, result=_result, budget_s=budget_s)


def _propose_next(job: Job) -> None:
    params: dict[str, Any] = job.params
    actor = Actor.system(KIND, job.provider_id)
    found = vehicles_of(job.provider_id or 0, [params["vehicles"][job.done]]).first()
    if found is not None:  # else it was transferred meanwhile
        result = propose_of_vehicle(
            found,
            datetime.fromisoformat(params["start"]),
            datetime.fromisoformat(params["end"]),
            actor=actor,
            gap_h=params["gap_h"],
        )
        for name in ("proposed", "withdrawn", "unchanged"):
            params[name] += getattr(result, name)
        Job.objects.filter(pk=job.pk).update(params=params)
    jobs.advance(job.pk, 1)


def _result(job: Job) -> dict[str, int]:
    return {name: job.params[name] for name in ("proposed", "withdrawn", "unchanged")}
