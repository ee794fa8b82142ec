"""Waking workers on commit. A lost ring costs seconds: each task has a sweep in the schedule."""

import logging

from celery import current_app
from django.db import transaction

COMPUTE_TASK = "shifts.compute_due_metrics"
PROPOSE_TASK = "shifts.run_proposal_jobs"

logger = logging.getLogger(__name__)


def ring(task: str) -> None:
    """Send the task once this transaction has committed; a broker that is away fails nothing."""

    def send() -> None:
        try:
            current_app.send_task(task, retry=False, expires=60)
        except Exception as error:
            logger.warning("%s: the ring was lost (%s)", task, type(error).__name__)

    transaction.on_commit(send, robust=True)
