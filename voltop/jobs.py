"""Two records of background work: scheduled runs that happen once, and jobs that people watch.

- `claim_run`: whatever rings twice runs once. Beat may ring late, twice, or from two machines;
  the table decides.
- `Job`: work that somebody asked for. It is done in chunks, its row says how far it is, and any
  worker may continue it: progress is written in the transaction of the chunk itself.
  `work_through` does the open jobs of a kind that way.
- `apart`: work of many companies in one task, of whom none holds up another.

Not here: handing tasks to Celery, and calls to the outside (`voltop.outbox`).
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import F

from voltop import clock
from voltop.api.database_errors import translate_database_error
from voltop.api.errors import DatabaseUnavailable
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.states import Machine
from voltop.tables import Job, JobEvent, JobRun

logger = logging.getLogger(__name__)

__all__ = [
    "Job", "JobEvent", "JobRun", "advance", "apart", "claim_run", "fail", "failures", "finish",
    "queue", "start", "tell_failed", "work_through",
]  # fmt: skip

JOB_MACHINE = Machine(
    "state",
    {
        "queued": {"running", "failed"},
        "running": {"done", "failed"},
        "done": set(),
        "failed": set(),
    },
)

OPEN = (Job.State.QUEUED, Job.State.RUNNING)
MOST_FAILURES = 100
"""Units of one job: where more go wrong, it is not the units."""

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
    code, detail = _in_words(error)
    return _end_failed(job_id, code, detail, actor=actor, at=at or clock.now())


def _in_words(error: Exception) -> tuple[str, str]:
    if isinstance(error, DomainError):
        return error.code, str(error.detail)[:500]
    return "unexpected", type(error).__name__


def _end_failed(
    job_id: int, code: str, detail: str, *, actor: Actor, at: datetime, **values: Any
) -> Job:
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
        **values,
    )
    return job


def failures(job: Job) -> list[dict[str, Any]]:
    """The units of a job that went wrong: `unit` (counted from 0), `code`, `detail`."""
    found: list[dict[str, Any]] = job.result.get("failed", [])
    return found


def work_through(
    kind: str,
    do_next: Callable[[Job], None],
    *,
    result: Callable[[Job], Mapping[str, Any]],
    budget_s: float,
) -> int:
    """Do the open jobs of a kind, oldest first, until none is left or the time is used up.

    `do_next` does the one unit that comes after `job.done`, in a transaction of its own, and
    advances the job; `result` is what a job ends with. A unit that goes wrong is put aside
    (`failures`) and the next one is done; the job has failed then, with the first of these errors,
    once all its units were tried, or `MOST_FAILURES` went wrong. A database that is away is raised,
    and the next ring goes on.
    Returns how many units were done. Safe to run at once and twice.
    """
    stop_at = time.monotonic() + budget_s
    done = 0
    waiting = Job.objects.filter(kind=kind, state__in=OPEN).order_by("pk")
    for job_id in list(waiting.values_list("pk", flat=True)):
        while (units := _do_one(job_id, kind, do_next, result)) is not None:
            done += units
            if time.monotonic() >= stop_at:
                return done
    return done


def _do_one(
    job_id: int,
    kind: str,
    do_next: Callable[[Job], None],
    result: Callable[[Job], Mapping[str, Any]],
) -> int | None:
    """One unit of a job: 1, or 0 where it went wrong; None when the job is over or another worker
    has it right now."""
    actor = Actor.system(kind)
    unit = None
    try:
        with transaction.atomic():
            free = Job.objects.select_for_update(no_key=True, skip_locked=True)
            job = free.filter(pk=job_id, state__in=OPEN).first()
            if job is None:
                return None
            job = start(job_id, actor=actor)
            if job.done >= (job.total or 0) or len(failures(job)) >= MOST_FAILURES:
                _end(job, actor, result(job))
                return None
            unit = job.done
            do_next(job)
    except Exception as error:
        if is_away(error):
            raise
        logger.exception("job_failed", extra={"kind": kind, "job": job_id, "unit": unit})
        if unit is None:
            fail(job_id, actor=actor, error=error)
            return None
        _put_aside(job_id, unit, actor=actor, error=error)
        return 0
    return 1


def _end(job: Job, actor: Actor, result: Mapping[str, Any]) -> None:
    """Done, or failed with the first error of a unit and all of them in the result."""
    wrong = failures(job)
    if not wrong:
        finish(job.pk, actor=actor, result=result)
        return
    told = {"result": {**result, "failed": wrong}}
    first = wrong[0]
    _end_failed(job.pk, first["code"], first["detail"], actor=actor, at=clock.now(), **told)


@transaction.atomic
def _put_aside(job_id: int, unit: int, *, actor: Actor, error: Exception) -> None:
    """Note that a unit went wrong and count it, unless another worker has done it meanwhile."""
    open_here = Job.objects.select_for_update(no_key=True).filter(pk=job_id, state__in=OPEN)
    if open_here.filter(done=unit).first() is None:
        return
    job = start(job_id, actor=actor)
    code, detail = _in_words(error)
    wrong = [*failures(job), {"unit": unit, "code": code, "detail": detail}]
    Job.objects.filter(pk=job_id).update(result={**job.result, "failed": wrong})
    advance(job_id, 1)


# --- Work of many companies ----------------------------------------------------------------------
class Apart:
    """Pieces of one task's work; see `apart`."""

    def __init__(self, kind: str, at: datetime | None) -> None:
        self.kind, self.at = kind, at
        self.first_error: Exception | None = None

    @contextmanager
    def of(self, provider_id: int | None) -> Iterator[None]:
        """One piece, of a company or (None) one that tells its own failures."""
        try:
            yield
        except Exception as error:
            if is_away(error):
                raise
            self.first_error = self.first_error or error
            if provider_id is not None:
                tell_failed(self.kind, provider_id, error, at=self.at)


@contextmanager
def apart(kind: str, *, at: datetime | None = None) -> Iterator[Apart]:
    """Do work of many companies piece by piece: what goes wrong at one holds up no other.

    Each piece is done in `of(provider_id)` and is a transaction of its own. A failure is left as a
    failed job of that company, and the first of them is raised when all pieces are done, so that
    the task counts as failed too. A database that is away is raised at once.
    """
    pieces = Apart(kind, at)
    yield pieces
    if pieces.first_error is not None:
        raise pieces.first_error


@transaction.atomic
def tell_failed(
    kind: str, provider_id: int, error: Exception, *, at: datetime | None = None
) -> None:
    """Leave a failed job where people look: one a day of each kind, however often it is tried."""
    at = at or clock.now()
    logger.error(
        "work_failed_at_one_company",
        extra={"task": kind, "provider_id": provider_id, "error": type(error).__name__},
        exc_info=error,
    )
    if claim_run(f"{kind}.failed", at.date().isoformat(), provider_id):
        actor = Actor.system(kind, provider_id)
        fail(queue(kind, actor=actor, at=at).pk, actor=actor, error=error, at=at)


def is_away(error: Exception) -> bool:
    """Whether the database itself is gone: then there is no use in going on with anything."""
    if not isinstance(error, DatabaseError):
        return False
    return isinstance(translate_database_error(error), DatabaseUnavailable)
