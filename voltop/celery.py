"""The Celery app and the whole beat schedule, in one place.

Tasks never hold truth: PostgreSQL does. A schedule entry with a time of day uses crontab, a sweep
plain seconds; each has `expires`, so that a worker coming back does not run a pile of old rings.
"""

import os
import signal
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_process_init

from voltop.embedded.process import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voltop.settings.base")

app = Celery("voltop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
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


@worker_process_init.connect
def _end_with_the_worker(**kwargs: Any) -> None:
    """A pool process never outlives its worker, not even one that was killed."""
    die_with_parent(signal.SIGKILL)
