"""Where sockets ask the database: in a few threads, each connection given back after each call."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Its result. Without threads of our own (tests) it runs where whoever drives the loop is."""
    if not settings.SOCKET_THREADS:
        return await sync_to_async(function)(*args, **kwargs)
    call = sync_to_async(_giving_back, thread_sensitive=False, executor=_threads())
    result: T = await call(function, *args, **kwargs)
    return result


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.SOCKET_THREADS, thread_name_prefix="socket")


def _giving_back(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        connection.close()  # to the pool
