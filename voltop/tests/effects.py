"""What each Celery task does to the database, told so that it can be counted.

Every app lists its tasks in `<app>/tests/effects.py` as `EFFECTS`; a task that is not listed fails
`test_job_effects.py`. An effect says how to set up work for the task and what the rows look like
once it is done, however often, at once, interrupted or late it was run.
"""

import importlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from celery import current_app

from payments.tests.bank import RunningBank
from voltop.celery import app
from voltop.tests.cast import Cast
from voltop.tests.world import APPS


class Stage:
    """The cast, a bank, and a name of its own for each effect: all stand in one database."""

    def __init__(self, cast: Cast, bank: RunningBank | None) -> None:
        self.cast = cast
        self.bank = bank
        self.notes: dict[str, Any] = {}


@dataclass(frozen=True)
class Effect:
    """`set_up` makes the work and returns the task's arguments; `seen` looks at its rows.

    Before the task `seen` differs from `once`; afterwards it is `once`, whatever happened.
    """

    task: str
    set_up: Callable[[Stage], Sequence[Any]]
    seen: Callable[[Stage], Any]
    once: Any


@cache
def effects() -> dict[str, Effect]:
    found: dict[str, Effect] = {}
    for name in (*APPS, "voltop"):
        try:
            module = importlib.import_module(f"{name}.tests.effects_of_tasks")
        except ModuleNotFoundError:
            continue
        for effect in module.EFFECTS:
            assert effect.task not in found, f"{effect.task} is listed twice"
            found[effect.task] = effect
    return found


def own_tasks() -> set[str]:
    """Every task that a worker of ours registers."""
    app.loader.import_default_modules()
    return {name for name in app.tasks if name.partition(".")[0] in (*APPS, "voltop")}


@contextmanager
def rings_answered_here(monkeypatch: Any) -> Any:
    """What is rung for runs at once, in this thread, as a worker would run it."""

    def send_task(name: str, args: Sequence[Any] = (), **options: Any) -> None:
        app.tasks[name].apply(args=list(args), throw=True)

    with monkeypatch.context() as patched:
        patched.setattr(app, "send_task", send_task)
        assert current_app.send_task is send_task
        yield
