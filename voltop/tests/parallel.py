"""Calls at the same moment, each in a thread with a database connection of its own."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections, transaction


def at_once(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run all calls at once; their results in order, an exception as itself.

    For tests with `django_db(transaction=True)`: a thread sees only what is committed.
    """
    calls = list(calls)
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return call()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))


def waiting_for_us() -> int:
    """How many sessions wait for a lock that this thread's connection holds.

    Only for ours: other tests run beside this one, in databases of the same server. Asked of
    pg_locks, which is read anew each time: what pg_stat_activity says stays the same until the
    asking transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
        return int(cursor.fetchone()[0])


def one_within_the_other(outer: Callable[[], Any], inner: Callable[[], Any]) -> list[Any]:
    """Begin `inner` once `outer` has done its work but has not committed; the results of both.

    `outer` commits when `inner` waits for one of its locks, or is over without having waited.
    """
    done, over = threading.Event(), threading.Event()

    def first() -> Any:
        with transaction.atomic():
            result = outer()
            done.set()
            deadline = time.monotonic() + 20
            while not over.is_set() and not waiting_for_us() and time.monotonic() < deadline:
                over.wait(timeout=0.02)
            return result

    def second() -> Any:
        assert done.wait(timeout=30)
        try:
            return inner()
        finally:
            over.set()

    return at_once([first, second])
