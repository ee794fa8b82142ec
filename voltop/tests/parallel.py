"""Calls at the same moment, each in a thread with a database connection of its own."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections


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
