"""Waking workers: a lost ring costs seconds, as each such task also stands in the schedule.

Nothing is handed over with a ring but which row to look at first; the tables hold what is to do.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.db import connection, transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ring:
    """One task to be woken; equal rings of one transaction are one."""

    task: str
    args: tuple[Any, ...]
    expires_s: int

    def __call__(self) -> None:
        ring_now(self.task, *self.args, expires_s=self.expires_s)


def ring(task: str, *args: Any, expires_s: int = 60) -> None:
    """Send the task once this transaction has committed."""
    on_commit(Ring(task, args, expires_s))


def on_commit(bell: Callable[[], None]) -> None:
    """Call `bell` after the commit, once, however often it is asked for."""
    if not any(entry[1] == bell for entry in connection.run_on_commit):
        transaction.on_commit(bell, robust=True)


def ring_now(task: str, *args: Any, expires_s: int = 60) -> None:
    """Send the task; a broker that is away fails nothing and keeps nobody waiting."""
    try:
        current_app.send_task(task, args=list(args), retry=False, expires=expires_s)
    except Exception as error:
        logger.warning("ring_lost", extra={"task": task, "error": type(error).__name__})
