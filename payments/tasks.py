"""Celery tasks of payments: each takes an id and calls one service. Safe to run twice, at once."""

import logging

from celery import shared_task

logger = logging.getLogger(__name__)


def ring(task: str, batch_id: int) -> None:
    """Send a task by name; a broker that is away must not fail what is already committed."""
    from celery import current_app

    try:
        current_app.send_task(task, args=[batch_id], retry=False, expires=3600)
    except Exception as error:  # the sweep finds what is waiting
        logger.warning("payments: a ring was lost (%s), the sweep will do", type(error).__name__)


@shared_task(name="payments.calculate")
def calculate(batch_id: int) -> None:
    """Go on with a batch's calculation."""
    from payments.services import calculation

    if calculation.run(batch_id):
        ring("payments.calculate", batch_id)
