"""Whether this process lives (`/livez`) and whether it can serve (`/readyz`); for load balancers.

`/metrics` (`voltop.metrics`) is answered in the same place, for whoever has its token.

`/livez` touches nothing but the process. `/readyz` needs PostgreSQL, reached through the pool that
requests use, with every migration applied and every erasure done; Valkey or Redis is shown, but
only makes things sooner.
Both answer ahead of every other middleware: load balancers ask without TLS, by address instead of
name, and must not hang on what they are asking about.
"""

import functools
import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from voltop import erasures
from voltop.metrics import measure, metrics

logger = logging.getLogger(__name__)

_REDIS_TIMEOUT_S = 1
SHOWN_WHEN_READY = (
    "voltop_outbox_lag_seconds",
    "voltop_telemetry_lag_seconds",
    "voltop_workers",
    "voltop_tasks_stopped",
)


class HealthMiddleware:
    """Answers its addresses; everything else passes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = _VIEWS.get(request.path_info)
        return self.get_response(request) if view is None else view(request)


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served, else 503; each part by name."""
    parts: dict[str, str | dict[str, float]] = {"database": _database(), "redis": _redis()}
    ready = parts["database"] == "ok"
    if ready:
        parts["lags"] = _lags()
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", **parts}, status=200 if ready else 503
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated():
            return "migrations are missing"
        return _erased()
    except DatabaseError:  # also a pool without a free connection
        return "unreachable"


_VIEWS = {"/livez": livez, "/readyz": readyz, "/metrics": metrics}


def _lags() -> dict[str, float]:
    """How far behind the work is: shown, never a reason to take a process out of service."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '1s'")
            return {name: round(value, 1) for name, value in measure(SHOWN_WHEN_READY).items()}
    except DatabaseError:
        return {}


class _MigrationsMissing(Exception):
    """Not cached, unlike the answer that all are there."""


def _migrated() -> bool:
    try:
        return _all_applied()
    except _MigrationsMissing:
        return False


@functools.cache
def _all_applied() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _MigrationsMissing
    return True


class _ErasuresUndone(Exception):
    """Not cached, unlike the answer that there are none."""


def _erased() -> str:
    try:
        _none_undone()
    except erasures.StoreMissing as error:
        logger.warning("not ready: %s", error)
        return f"erasures are not known: {error}"
    except Exception:  # undone, or the store cannot be asked: nobody is shown who may be erased
        return "erasures are not known to be done: manage.py erase_again"
    return "ok"


@functools.cache
def _none_undone() -> bool:
    """Asked of the store once a process: whoever restores a backup starts them anew."""
    if erasures.undone():
        raise _ErasuresUndone
    erasures.know_store()
    return True


def _redis() -> str:
    client = redis.Redis.from_url(
        settings.CACHES["default"]["LOCATION"],
        socket_timeout=_REDIS_TIMEOUT_S,
        socket_connect_timeout=_REDIS_TIMEOUT_S,
    )
    try:
        client.ping()
    except redis.RedisError:
        return "unreachable"
    finally:
        client.close()
    return "ok"
