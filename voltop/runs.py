"""What became of every Celery task: started, ended, lost with its worker, or stopped.

Messages live in Redis, which may be wiped, and a message taken by a worker that was killed comes
back late or never. What PostgreSQL knows is enough to ring again:

- A start without an end whose worker has been silent for `DEAD_AFTER_S` was lost; so was one that
  the broker delivers again. `recover` rings for it.
- What the schedule's time of day or interval has passed for without a start (Redis wiped, beat
  away, or begun anew: then it counts every interval from the beginning) is rung later.
- What was lost `MAX_LOSSES` times in a row takes its workers down: it is stopped, visibly, and
  tried once more after `STOPPED_FOR_S`.

Not here: whether the work may happen twice (it may: every task is safe to run twice, `jobs`), and
tasks that end with an error, which their next ring repeats.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.schedules import crontab
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import DateTimeField, F, Func, Q
from django.db.models.functions import Now

from voltop import clock, rings
from voltop.errors import DomainError
from voltop.tables import TaskState, WorkerBeat

logger = logging.getLogger(__name__)

RECOVER_TASK = "voltop.recover"
HEARTBEAT_S = 10
DEAD_AFTER_S = 35
MAX_LOSSES = 3
STOPPED_FOR_S = 900
RING_LATE_S = 60
"""What the schedule names is rung again when nothing has started so long after it was due."""
RING_LATEST_S = 6 * 3600
KEEP_DAYS = 7

START = """
INSERT INTO voltop_taskstate (key, task, args, worker, started_at, runs, outcome, error, failures,
    losses) VALUES (%s, %s, %s, %s, clock_timestamp(), 1, '', '', 0, 0)
ON CONFLICT (key) DO UPDATE SET
    worker = EXCLUDED.worker, started_at = EXCLUDED.started_at, runs = voltop_taskstate.runs + 1
WHERE voltop_taskstate.resume_at IS NULL OR voltop_taskstate.resume_at <= now()
RETURNING id
"""
DATABASE_CLOCK = Func(function="clock_timestamp", output_field=DateTimeField())
UNFINISHED = Q(started_at__isnull=False) & (
    Q(finished_at=None) | Q(finished_at__lt=F("started_at"))
)


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a task; `key` is its name and arguments."""

    key: str
    begun: float


def key_of(task: str, args: Sequence[Any] = ()) -> str:
    """The name under which a task with these arguments is known: `payments.pay[7]`."""
    return task if not args else f"{task}{json.dumps(list(args), separators=(',', ':'))}"[:200]


def begin(task: str, args: Sequence[Any] = (), *, worker: str, redelivered: bool) -> Run | None:
    """Note the start; None when the task is stopped and must not run now.

    A message that the broker delivers again was lost with its worker before.
    """
    key = key_of(task, args)
    if redelivered and _lose(key):
        return None
    with connection.cursor() as cursor:
        cursor.execute(START, [key, task, json.dumps(list(args)), worker[:120]])
        if cursor.fetchone() is None:
            logger.warning("task_stopped", extra={"task": key})
            return None
    return Run(key, time.monotonic())


def end(run: Run, error: BaseException | None = None) -> None:
    """Note the end. An error is named by its code or class: its text may hold data of people."""
    code = "" if error is None else type(error).__name__
    if isinstance(error, DomainError):
        code = error.code
    columns: dict[str, Any] = {
        "finished_at": DATABASE_CLOCK,
        "outcome": TaskState.Outcome.DONE if error is None else TaskState.Outcome.FAILED,
        "error": code[:80],
        "duration_ms": round((time.monotonic() - run.begun) * 1000),
        "losses": 0,
        "resume_at": None,
    }
    if error is not None:
        columns["failures"] = F("failures") + 1
    try:
        TaskState.objects.filter(key=run.key).update(**columns)
    except DatabaseError as away:  # the work itself is done or undone; this is only its notice
        logger.warning("task_end_not_noted", extra={"task": run.key, "error": type(away).__name__})


def _lose(key: str) -> bool:
    """Count a loss; whether that stops the task. One that was stopped before has one more try."""
    with transaction.atomic():
        state = TaskState.objects.select_for_update(no_key=True).filter(key=key).first()
        if state is None:
            return False
        limit = 1 if state.resume_at is not None else MAX_LOSSES
        losses = state.losses + 1
        stopped = losses >= limit
        columns: dict[str, Any] = {"losses": losses}
        if stopped:
            columns |= {
                "resume_at": Now() + timedelta(seconds=STOPPED_FOR_S),
                "finished_at": DATABASE_CLOCK,
                "outcome": TaskState.Outcome.FAILED,
                "error": "worker_lost",
                "failures": state.failures + 1,
            }
        TaskState.objects.filter(pk=state.pk).update(**columns)
    if stopped:
        logger.error("task_took_its_worker_down", extra={"task": key, "losses": losses})
    return stopped


def resume(key: str) -> bool:
    """Let a stopped task run again now; false if it was not stopped."""
    stopped = TaskState.objects.filter(key=key, resume_at__isnull=False)
    return bool(stopped.update(resume_at=None, losses=0))


# --- Recovery ------------------------------------------------------------------------------------
def recover(at: datetime | None = None) -> int:
    """Ring for what was lost with its worker, and for what was due and did not start."""
    at = at or clock.now()
    lost = _lost(at)
    late = overdue(at)
    for task, due in late.items():
        logger.warning("schedule_rung_late", extra={"task": task, "due": due.isoformat()})
    for task, args in (*lost, *((task, []) for task in late)):
        rings.ring_now(task, *args)
    return len(lost) + len(late)


def _lost(at: datetime) -> list[tuple[str, list[Any]]]:
    """Tasks, with arguments, to be rung for: lost, or rung for before and not started since.

    A loss is counted when it is found; the ring that follows has as much time to arrive.
    """
    silent = at - timedelta(seconds=DEAD_AFTER_S)
    living = WorkerBeat.objects.filter(seen_at__gt=silent).values("name")
    with transaction.atomic():
        states = list(
            TaskState.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(UNFINISHED, started_at__lt=silent)
            .exclude(worker__in=living)
            .exclude(task=RECOVER_TASK)
            .order_by("pk")
        )
        ringing = [s for s in states if not (s.worker and _lose(s.key))]
        pks = [state.pk for state in ringing]
        TaskState.objects.filter(pk__in=pks).update(started_at=at, worker="")
    return [(state.task, state.args) for state in ringing]


def overdue(at: datetime, schedule: Mapping[str, Any] | None = None) -> dict[str, datetime]:
    """Tasks of the schedule that were due and did not start, with when they were due.

    A task that is new in the schedule waits for its next time of day; an interval's begins at once.
    """
    states = {state.key: state for state in TaskState.objects.all()}
    found = {}
    for entry in (schedule or current_app.conf.beat_schedule).values():
        state, schedule = states.get(entry["task"]), entry["schedule"]
        if state is None:
            continue
        known_since = state.started_at or state.created_at
        if not isinstance(schedule, crontab):
            due = next_due(schedule, state.started_at, known_since)
            late = (at - due).total_seconds() >= RING_LATE_S
        else:
            due = last_due(schedule, at)
            waited_s = (at - due).total_seconds()
            late = RING_LATE_S <= waited_s <= RING_LATEST_S and known_since < due
        if late:
            found[entry["task"]] = due
    return found


def last_due(schedule: crontab, at: datetime) -> datetime:
    """The last time of day at or before `at`; the schedule names hours and minutes (UTC)."""
    due = at.replace(hour=min(schedule.hour), minute=min(schedule.minute), second=0, microsecond=0)
    return due if due <= at else due - timedelta(days=1)


def next_due(schedule: Any, started_at: datetime | None, at: datetime) -> datetime:
    """When beat rings next: at the next time of day, or so long after the last start."""
    if isinstance(schedule, crontab):
        return last_due(schedule, at) + timedelta(days=1)
    if started_at is None:
        return at
    return max(at, started_at + timedelta(seconds=float(schedule)))


def register_schedule(schedule: Mapping[str, Any] | None = None) -> None:
    """A row for each task of the schedule, so that one that never ran is seen too. Idempotent."""
    entries = (schedule or current_app.conf.beat_schedule).values()
    rows = [TaskState(key=entry["task"], task=entry["task"]) for entry in entries]
    TaskState.objects.bulk_create(rows, ignore_conflicts=True)


def tidy(at: datetime | None = None) -> int:
    """Forget tasks with arguments that ended long ago, and workers that are gone."""
    old = (at or clock.now()) - timedelta(days=KEEP_DAYS)
    done = TaskState.objects.exclude(args=[]).filter(finished_at__lt=old, resume_at=None)
    forgotten, _by_model = done.delete()
    WorkerBeat.objects.filter(seen_at__lt=old).delete()
    return forgotten


# --- Workers -------------------------------------------------------------------------------------
ALIVE = """
INSERT INTO voltop_workerbeat (name, seen_at) VALUES (%s, now())
ON CONFLICT (name) DO UPDATE SET seen_at = EXCLUDED.seen_at
"""


class Heartbeat(threading.Thread):
    """Says every few seconds that this worker lives.

    On a connection outside the pool, closed each time: the process that runs this forks, and
    neither a pool nor an open connection survives that.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name="voltop-heartbeat", daemon=True)
        self.worker = name
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            try:
                self.beat()
            except Exception as error:  # the database is away: it is told again when it is back
                logger.warning("heartbeat_failed", extra={"error": type(error).__name__})
            self.ended.wait(HEARTBEAT_S)

    def beat(self) -> None:
        own = connection.copy()
        own.settings_dict["OPTIONS"].pop("pool", None)
        try:
            with own.cursor() as cursor:
                cursor.execute(ALIVE, [self.worker])
        finally:
            own.close()

    def stop(self) -> None:
        self.ended.set()
