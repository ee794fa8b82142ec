"""Figures for Prometheus at `/metrics`: requests, queries (django-prometheus), sockets, and lags.

Lags are asked of PostgreSQL when the page is fetched, so that they are right whatever process
answers; each is one statement on an index. Not public: without VOLTOP_METRICS_TOKEN the address
does not exist; with it, it is asked for as `Authorization: Bearer …`.

Not here: readiness (`voltop.health`), and what the figures mean at night (docs/operations.md).
"""

import hmac
import logging
import os
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY

logger = logging.getLogger(__name__)

RESPONSES = Counter("voltop_responses", "Answers by class of their status.", ["status"])

SOCKETS_OPEN = Gauge(
    "voltop_sockets_open",
    "Sockets that were let in and have not ended, by kind.",
    ["kind"],
    multiprocess_mode="livesum",
)
SOCKET_FRAMES = Counter(
    "voltop_socket_frames",
    "Frames that sockets took (in) and handed on (out), by kind.",
    ["kind", "direction"],
)
SOCKET_ENDS = Counter(
    "voltop_socket_ends",
    "Sockets that ended or were refused, by kind and reason: hung_up, or the code of the error.",
    ["kind", "reason"],
)

AGE = {
    column: f"SELECT coalesce(extract(epoch FROM now() - min({column})), 0) FROM "  # noqa: S608
    for column in ("next_at", "created_at", "e.created_at")
}
"""How long the oldest waits, in seconds; 0 when nothing does."""

GAUGES = {
    "voltop_outbox_lag_seconds": (
        "Age of the oldest outbox message that is due and not sent.",
        AGE["next_at"] + "voltop_outboxmessage"
        " WHERE sent_at IS NULL AND dead_at IS NULL AND next_at <= now()",
    ),
    "voltop_outbox_dead": (
        "Outbox messages that were given up.",
        "SELECT count(*) FROM voltop_outboxmessage WHERE dead_at IS NOT NULL",
    ),
    "voltop_events_lag_seconds": (
        "Age of the oldest event that has no number yet.",
        AGE["created_at"] + "voltop_event WHERE seq IS NULL",
    ),
    "voltop_job_oldest_due_seconds": (
        "Age of the oldest job that is not over and whose company is not suspended.",
        AGE["created_at"] + "voltop_job WHERE state IN ('queued', 'running') AND NOT EXISTS"
        " (SELECT FROM fleets_fleetprovider p WHERE p.id = provider_id AND p.status = 'suspended')",
    ),
    "voltop_tasks_stopped": (
        "Tasks kept from running because they took their workers down.",
        "SELECT count(*) FROM voltop_taskstate WHERE resume_at IS NOT NULL",
    ),
    "voltop_tasks_failing": (
        "Tasks whose last run ended with an error.",
        "SELECT count(*) FROM voltop_taskstate WHERE outcome = 'failed' AND resume_at IS NULL",
    ),
    "voltop_workers": (
        "Workers that said they live within the last 35 seconds.",
        "SELECT count(*) FROM voltop_workerbeat WHERE seen_at > now() - interval '35 seconds'",
    ),
    "voltop_beat_silence_seconds": (
        "Time since the recovery sweep, which beat rings every 10 seconds, last ended.",
        "SELECT coalesce(extract(epoch FROM now() - max(finished_at)), 1e9) FROM voltop_taskstate"
        " WHERE task = 'voltop.recover'",
    ),
    "voltop_telemetry_lag_seconds": (
        "Age of the oldest batch of samples that is not derived yet.",
        AGE["created_at"] + "telemetry_ingestbatch",
    ),
    "voltop_payouts_unknown": (
        "Payouts that were sent and whose outcome is not known.",
        "SELECT count(*) FROM payments_payout WHERE status = 'unknown'",
    ),
    "voltop_payouts_unknown_oldest_seconds": (
        "Age of the oldest of them.",
        AGE["created_at"] + "payments_payout WHERE status = 'unknown'",
    ),
    "voltop_audit_unsealed_oldest_seconds": (
        "Age of the oldest audit entry without a link in its chain.",
        AGE["e.created_at"] + "fleets_auditentry e"
        " WHERE e.created_at > now() - interval '1 day' AND NOT EXISTS"
        " (SELECT FROM fleets_auditseal s WHERE s.entry_id = e.id)",
    ),
    "voltop_audit_findings": (
        "Findings of the last verification of the audit chains.",
        "SELECT coalesce((SELECT (result->>'findings')::bigint FROM voltop_job"
        " WHERE kind = 'fleets.verify_audit' AND state = 'done' ORDER BY id DESC LIMIT 1), 0)",
    ),
    "voltop_ledger_findings": (
        "Findings of the nightly checks of the books in the last day.",
        "SELECT coalesce(sum((result->>'findings')::bigint), 0) FROM voltop_job"
        " WHERE kind = 'payments.check_books' AND created_at > now() - interval '1 day'",
    ),
}
"""Name → (what it is, one statement giving one number)."""


class Lags:
    """A collector of prometheus_client: the gauges above, and 0 for `voltop_database_up`."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            values = measure()
        except DatabaseError as error:
            logger.warning("metrics_without_database", extra={"error": type(error).__name__})
            values = None
        up = 0 if values is None else 1
        yield GaugeMetricFamily("voltop_database_up", "Whether PostgreSQL answers.", value=up)
        for name, value in (values or {}).items():
            yield GaugeMetricFamily(name, GAUGES[name][0], value=value)


def measure(names: Iterable[str] = GAUGES) -> dict[str, float]:
    """The gauges as they stand."""
    found = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for name in names:
            cursor.execute(GAUGES[name][1])
            found[name] = float(cursor.fetchone()[0])
    return found


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The page that Prometheus fetches. 404 for whoever does not know the token."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(given.encode(), token.encode()):
        return HttpResponseNotFound()
    lags = CollectorRegistry()
    lags.register(Lags())
    page = generate_latest(_of_processes()) + generate_latest(lags)
    return HttpResponse(page, content_type=CONTENT_TYPE_LATEST)


def _of_processes() -> CollectorRegistry:
    """What this process counted; with PROMETHEUS_MULTIPROC_DIR, what all of the machine's did."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)
    return together
