"""Waking workers. A lost ring costs seconds: the sweep in the schedule finds what is waiting."""

import logging

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)


def ring(task: str, object_id: int) -> None:
    """Send the task once this transaction has committed; a broker that is away fails nothing."""
    transaction.on_commit(lambda: ring_now(task, object_id), robust=True)


def ring_now(task: str, object_id: int, expires_s: int = 3600) -> None:
    try:
        current_app.send_task(task, args=[object_id], retry=False, expires=expires_s)
    except Exception as error:
        logger.warning("%s: the ring was lost (%s)", task, type(error).__name__)
