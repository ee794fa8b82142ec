"""The worker's app with a killer in it: `celery -A voltop.tests.killing worker`.

`VOLTOP_KILLS` names a folder of marks, so that each kill happens once over all processes:

- `VOLTOP_KILL=child`: each task's first run dies before its work, its second after it, before the
  broker hears of it.
- `VOLTOP_KILL=worker`: the first run of each task waits for others to be in hand, then takes the
  whole worker with it.
- `VOLTOP_POISON=task`: that task kills its process whenever it is run.
"""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, worker_process_init

from voltop.celery import app

__all__ = ["app"]

WAIT_S = 3


@app.task(name="tests.slow")
def slow(seconds: float) -> None:
    """Work that takes its time."""
    time.sleep(seconds)


def first_time(mark: str) -> bool:
    path = Path(os.environ["VOLTOP_KILLS"]) / mark
    with contextlib.suppress(FileExistsError):
        path.touch(exist_ok=False)
        return True
    return False


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@worker_process_init.connect
def load_the_killer(**kwargs: Any) -> None:
    """Between the notice of a start and its work; also a topic of the outbox for tests."""
    from voltop import runs
    from voltop.tests import effects_of_tasks  # noqa: F401

    note = runs.begin

    def begin(task: str, *args: Any, **kwargs: Any) -> Any:
        run = note(task, *args, **kwargs)
        if run is not None:
            kill_at_start(task)
        return run

    runs.begin = begin


def kill_at_start(task: str) -> None:
    if os.environ.get("VOLTOP_POISON") == task:
        die()
    how = os.environ.get("VOLTOP_KILL", "")
    if how and first_time(f"{task}.before"):
        if how == "worker":
            time.sleep(WAIT_S)
            os.kill(os.getppid(), signal.SIGKILL)
        die()


@task_postrun.connect
def after(task: Any, **kwargs: Any) -> None:
    if os.environ.get("VOLTOP_KILL") == "child" and first_time(f"{task.name}.after"):
        die()
