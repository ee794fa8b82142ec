"""A database that goes away and comes back: waited for, and what it cut off begun again.

A restart takes seconds. Whatever is `a_work` (a request, a task) waits that long for a connection
instead of failing at once (settings.DB_WAIT_S), and knows whether it may be done again from its
beginning after it lost one: as long as nothing of it can have taken effect. That ends with the
first COMMIT that is sent, and outside a transaction with the first statement that is no SELECT:
their answer may be lost although they were carried out, so only the caller can repeat them, by an
Idempotency-Key.

Health pages and everything else that is no work get their error at once. COPY does not pass here:
it is used in transactions only.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

RUNS = 3
"""A work is begun so often at most: a server that keeps going away is no restart."""
PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
GONE = frozenset({"57P01", "57P02", "57P03"})
"""Shut down by an administrator, by a crash, and not up yet."""


class Work:
    """What one request or task has done with the database so far."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.took_effect = False
        self.lost = False
        self._until: float | None = None
        self._pause_s = PAUSE_S

    def wait(self) -> bool:
        """Pause before another try to connect; False once it was waited for long enough."""
        now = time.monotonic()
        if self._until is None:
            self._until, self._pause_s = now + self.patience_s, PAUSE_S
        if now >= self._until:
            return False
        time.sleep(min(self._pause_s, self._until - now))
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return True

    def connected(self) -> None:
        """The next outage is waited for anew."""
        self._until = None

    def begin_again(self, *, whatever_was_done: bool = False) -> bool:
        """Whether the work lost its connection and may be done again; then it has none any more."""
        lost = self.lost or _is_closed(connection)
        if not lost or connection.in_atomic_block:
            return False
        if self.took_effect and not whatever_was_done:
            return False
        self.took_effect = self.lost = False
        connection.close()
        return True


_current: ContextVar[Work | None] = ContextVar("voltop_database_work", default=None)


@contextmanager
def a_work() -> Iterator[Work]:
    """What happens in here waits for a database that is away."""
    token = _current.set(Work(settings.DB_WAIT_S))
    try:
        yield _current.get()  # type: ignore[misc]  # set just now
    finally:
        _current.reset(token)


def current() -> Work | None:
    return _current.get()


def again(action: Callable[[], T]) -> T:
    """Do what is safe to do twice, once more when it loses the database."""
    with a_work() as work:
        for _ in range(RUNS - 1):
            try:
                return action()
            except Exception:
                if not work.begin_again(whatever_was_done=True):
                    raise
        return action()


# --- What connections tell -----------------------------------------------------------------------
def commit_is_sent() -> None:
    work = _current.get()
    if work is not None:
        work.took_effect = True


def noting(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Django's wrapper around each statement: notes what it may bring about, and a loss."""
    work = _current.get()
    if work is None:
        return execute(sql, params, many, context)
    with noted(work, context["connection"], sql):
        return execute(sql, params, many, context)


@contextmanager
def noted(work: Work | None, used: Any, sql: Any) -> Iterator[None]:
    """The same for statements that do not go through Django's cursor."""
    if work is None:
        yield
        return
    if not used.in_atomic_block and not _reads(sql):
        work.took_effect = True
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if _is_closed(used) or getattr(error.__cause__, "sqlstate", None) in GONE:
            work.lost = True
        raise


def _reads(sql: Any) -> bool:
    return isinstance(sql, str) and sql.lstrip()[:7].upper() in ("SELECT ", "SELECT\n")


def _is_closed(used: Any) -> bool:
    return used.connection is not None and bool(used.connection.closed)
