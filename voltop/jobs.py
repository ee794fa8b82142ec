"""Two records of background work: scheduled runs that happen once, and jobs that people watch.

- `claim_run`: whatever rings twice runs once. Beat may ring late, twice, or from two machines;
  the table decides.
- `Job`: work that somebody asked for. It is done in chunks, its row says how far it is, and any
  worker may continue it: progress is written in the transaction of the chunk itself.

Not here: handing tasks to Celery, and calls to the outside (`voltop.outbox`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from voltop import clock
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.states import Machine
from voltop.tables import Job, JobEvent, JobRun

__all__ = ["Job", "JobEvent", "JobRun", "advance", "claim_run", "fail", "finish", "queue", "start"]

JOB_MACHINE = Machine(
    "state",
    {
        "queued": {"running", "failed"},
        "running": {"done", "failed"},
        "done": set(),
        "failed": set(),
    },
)

CLAIM = """
INSERT INTO voltop_jobrun (job, slot, provider_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""


def claim_run(job: str, slot: str, provider_id: int | None = None) -> bool:
    """Whether this run of `job` is ours to do: true exactly once for each (job, provider, slot).

    The first statement of a scheduled job, in the transaction of its effect: a rollback gives the
    run back, a parallel twin waits for our commit and then gets false. `slot` names the due time
    or the business fact ("2026-11-20", "batch:7"), never a broker's id.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a run is claimed in the transaction of its effect")
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [job, slot, provider_id])
        return bool(cursor.rowcount)


@transaction.atomic
def queue(
    kind: str,
    *,
    actor: Actor,
    params: Mapping[str, Any] | None = None,
    total: int | None = None,
    at: datetime | None = None,
) -> Job:
    """Record work to be done, for the actor's provider. The caller rings its task on commit."""
    job = Job.objects.create(
        kind=kind,
        provider_id=actor.provider_id,
        actor=str(actor),
        params=dict(params or {}),
        total=total,
    )
    JOB_MACHINE.open(job, actor=actor, at=at or clock.now())
    return job


@transaction.atomic
def start(
    job_id: int, *, actor: Actor, total: int | None = None, at: datetime | None = None
) -> Job:
    """Begin a queued job, or go on with a running one whose worker was lost.

    Raises IllegalMove when it is over already. The row is locked until the caller's transaction
    ends, so two workers go on one after the other.
    """
    at = at or clock.now()
    job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
    if job.state == Job.State.RUNNING:
        return job
    JOB_MACHINE.move(
        job,
        Job.State.RUNNING,
        actor=actor,
        at=at,
        started_at=at,
        total=job.total if total is None else total,
    )
    return job


def advance(job_id: int, done: int) -> None:
    """Count `done` more units; in the transaction of the chunk, so that both or neither stay."""
    if not connection.in_atomic_block:
        raise RuntimeError("progress is counted in the transaction of its chunk")
    Job.objects.filter(pk=job_id, state=Job.State.RUNNING).update(done=F("done") + done)


@transaction.atomic
def finish(
    job_id: int,
    *,
    actor: Actor,
    result: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Job:
    """End a running job with its result (plain JSON: counts, a link). Raises IllegalMove."""
    at = at or clock.now()
    job = Job.objects.get(pk=job_id)
    JOB_MACHINE.move(
        job, Job.State.DONE, actor=actor, at=at, result=dict(result or {}), finished_at=at
    )
    return job


@transaction.atomic
def fail(job_id: int, *, actor: Actor, error: Exception, at: datetime | None = None) -> Job:
    """End a job that cannot go on. A DomainError keeps its code; anything else is `unexpected`.

    The text of an unexpected error stays in the log: it may hold data of people.
    """
    at = at or clock.now()
    code, detail = "unexpected", type(error).__name__
    if isinstance(error, DomainError):
        code, detail = error.code, str(error.detail)[:500]
    job = Job.objects.get(pk=job_id)
    JOB_MACHINE.move(
        job,
        Job.State.FAILED,
        actor=actor,
        at=at,
        reason=code,
        error_code=code,
        error_detail=detail,
        finished_at=at,
    )
    return job
