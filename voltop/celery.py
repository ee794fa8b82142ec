"""The Celery app and the whole beat schedule, in one place.

Tasks never hold truth: PostgreSQL does. A schedule entry with a time of day uses crontab, a sweep
plain seconds; each has `expires`, so that a worker coming back does not run a pile of old rings.
"""

import os
import signal
import uuid
from functools import partial
from typing import Any

from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import (
    beat_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)
from django.db import connections
from django_structlog.celery.steps import DjangoStructLogInitStep
from structlog.contextvars import get_contextvars

from voltop.context import bind_request_id
from voltop.embedded.process import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")


class RecordedTask(Task):
    """Notes each start and end in PostgreSQL (`voltop.runs`), unless called as a plain function.

    A database that is away is waited for, and a task that lost it is done again: every task is
    safe to run twice.
    """

    abstract = True
    worker = f"process:{os.getpid()}"
    """The worker that runs it; each has a name of its own, even when it is started again."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from voltop import runs
        from voltop.database.outages import again

        work = partial(super().__call__, *args, **kwargs)
        if self.request.called_directly:
            return work()
        begin = partial(
            runs.begin,
            self.name,
            [*args, *kwargs.values()],
            worker=RecordedTask.worker,
            redelivered=bool((self.request.delivery_info or {}).get("redelivered")),
        )
        run = again(begin)
        if run is None:
            return None
        rung_by = get_contextvars().get("request_id") or self.request.id
        try:
            with bind_request_id(rung_by):
                result = again(work)
        except BaseException as error:
            again(partial(runs.end, run, error))
            raise
        again(partial(runs.end, run))
        return result


app = Celery("voltop", task_cls=RecordedTask)
app.steps["worker"].add(DjangoStructLogInitStep)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    # Rings for what was lost with its worker, and for times of day that were missed.
    "recover": {
        "task": "voltop.recover",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "tidy-runs": {
        "task": "voltop.tidy_runs",
        "schedule": crontab(hour=3, minute=50),
        "options": {"expires": 3600},
    },
    # Finds outbox messages whose ring was lost, and those whose pause is over.
    "outbox-sweep": {
        "task": "voltop.outbox.relay",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "outbox-lanes-sweep": {
        "task": "voltop.outbox.relay_lanes",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    # Numbers committed events whose ring was lost.
    "events-sweep": {
        "task": "voltop.events.send_pending",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "events-forgotten": {
        "task": "voltop.events.forget_old",
        "schedule": crontab(hour=3, minute=30),
        "options": {"expires": 3600},
    },
    "webhook-deliveries-forgotten": {
        "task": "fleets.forget_deliveries",
        "schedule": crontab(hour=3, minute=25),
        "options": {"expires": 3600},
    },
    # What time alone brings about; what events tell is looked at right after them.
    "inbox-sweep": {
        "task": "fleets.refresh_inbox",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "inbox-forgotten": {
        "task": "fleets.forget_inbox",
        "schedule": crontab(hour=3, minute=15),
        "options": {"expires": 3600},
    },
    "notices-forgotten": {
        "task": "fleets.forget_notices",
        "schedule": crontab(hour=3, minute=35),
        "options": {"expires": 3600},
    },
    # Files whose ring was lost, and those whose store was away.
    "files-move": {
        "task": "voltop.files.move",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "idempotency-keys-forgotten": {
        "task": "voltop.api.forget_keys",
        "schedule": crontab(hour=3, minute=20),
        "options": {"expires": 3600},
    },
    # Log-ins that ended, tokens that ran out, windows of attempts that have passed.
    "forget-expired-credentials": {
        "task": "fleets.forget_expired",
        "schedule": crontab(hour=3, minute=10),
        "options": {"expires": 3600},
    },
    # Files of records whose ring or worker was lost.
    "imports-sweep": {
        "task": "fleets.run_imports",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "import-files-forgotten": {
        "task": "fleets.forget_import_files",
        "schedule": crontab(hour=3, minute=35),
        "options": {"expires": 3600},
    },
    # The audit trail is sealed after the fact, by one writer.
    "audit-seal": {
        "task": "fleets.seal_audit",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "audit-verify": {
        "task": "fleets.verify_audit",
        "schedule": crontab(hour=3, minute=40),
        "options": {"expires": 3600},
    },
    # Each company's day begins at another time.
    "drivers-calendars": {
        "task": "drivers.follow_calendars",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "drivers-erased": {
        "task": "drivers.erase_due",
        "schedule": crontab(hour=3, minute=50),
        "options": {"expires": 3600},
    },
    "drivers-faces-forgotten": {
        "task": "drivers.forget_faces",
        "schedule": crontab(hour=3, minute=45),
        "options": {"expires": 3600},
    },
    # Quarters, trips, hired runs and days of what has come in.
    "telemetry-derive": {
        "task": "telemetry.derive_pending",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "telemetry-partitions": {
        "task": "telemetry.make_partitions",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "telemetry-tidy": {
        "task": "telemetry.tidy",
        "schedule": crontab(hour=2, minute=40),
        "options": {"expires": 3600},
    },
    # Drivers who called for help: the next person, every two minutes.
    "chat-pages": {
        "task": "chat.page_due",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    # Messages to many that lost their ring or their worker.
    "chat-announcements": {
        "task": "chat.send_announcements",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    # Answers that are due or late, conversations in which drivers say nothing more.
    "chat-timers": {
        "task": "chat.run_timers",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    # Past their company's term; what one night leaves is done in the next.
    "chat-conversations-forgotten": {
        "task": "chat.forget_conversations",
        "schedule": crontab(hour=2, minute=20),
        "options": {"expires": 3600},
    },
    # Files that were handed in and never sent.
    "chat-files-forgotten": {
        "task": "chat.forget_unsent",
        "schedule": crontab(hour=3, minute=55),
        "options": {"expires": 3600},
    },
    "shifts-metrics": {
        "task": "shifts.compute_due_metrics",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "shifts-proposals": {
        "task": "shifts.run_proposal_jobs",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "shifts-missed": {
        "task": "shifts.miss_due",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "shifts-auto-close": {
        "task": "shifts.auto_close_due",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # Calculations, bookings and hand-overs that lost their ring or their worker.
    "payments-sweep": {
        "task": "payments.sweep",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    # Payouts whose outcome is not known: the bank is asked, at growing intervals.
    "payments-ask-banks": {
        "task": "payments.ask_banks",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "payments-daily": {
        "task": "payments.daily",
        "schedule": crontab(hour=4, minute=10),
        "options": {"expires": 3600},
    },
    "reservations-release": {
        "task": "reservations.release_no_shows",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
}


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Django has set it up; that somebody listens keeps Celery from setting up its own."""


_heartbeats: list[Any] = []


@worker_init.connect
def _name_the_worker(sender: Any = None, **kwargs: Any) -> None:
    """Before the pool forks, so that its processes know the name."""
    RecordedTask.worker = f"{sender}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[:120]


@worker_ready.connect
def _say_alive(**kwargs: Any) -> None:
    from voltop.runs import Heartbeat

    _heartbeats.append(Heartbeat(RecordedTask.worker))
    _heartbeats[-1].start()


@worker_shutdown.connect
def _fall_silent(**kwargs: Any) -> None:
    for heartbeat in _heartbeats:
        heartbeat.stop()


@beat_init.connect
def _register_schedule(**kwargs: Any) -> None:
    from voltop.runs import register_schedule

    register_schedule(app.conf.beat_schedule)


@worker_process_init.connect
def _end_with_the_worker(**kwargs: Any) -> None:
    """A pool process never outlives its worker, not even one that was killed."""
    die_with_parent(signal.SIGKILL)


@worker_process_init.connect
def _do_without_a_pool(**kwargs: Any) -> None:
    """Celery closes the connection around each task: a pool would be built anew every time."""
    for connection in connections.all():
        connection.settings_dict["OPTIONS"].pop("pool", None)
