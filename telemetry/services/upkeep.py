"""What has to happen by the clock: partitions ahead, quarantine and samples past their time."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from fleets.models import FleetPolicy
from telemetry import partitions
from telemetry.models import SampleContribution
from telemetry.services.quarantine import expire_quarantine
from voltop import clock, jobs

DAYS_AHEAD = 3
LONGEST_DAYS = 36_525
"""No limit keeps anything that is older than a century."""


def make_partitions_ahead(*, at: datetime | None = None) -> None:
    """The partitions of today and the next days."""
    today = (at or clock.now()).date()
    partitions.ensure(today + timedelta(days=n) for n in range(DAYS_AHEAD + 1))


def tidy(*, at: datetime | None = None) -> None:
    """Drop quarantine after a week, and samples that no company keeps any longer."""
    at = at or clock.now()
    expire_quarantine(at=at)
    apply_retention(at=at)


def apply_retention(*, at: datetime) -> None:
    """Drop whole days past every company's limit; delete the rest company by company.

    Derived rows stay: they are what is kept for good. A company without a limit keeps everything,
    and with it the partitions.
    """
    policies = FleetPolicy.objects.unscoped()
    limited = policies.filter(telemetry_retention_days__isnull=False)
    kept = limited.values_list("provider_id", "telemetry_retention_days")
    limits = {provider_id: days or 0 for provider_id, days in kept}
    if not limits:
        return
    attached = sorted(partitions.attached_days())
    if not policies.filter(telemetry_retention_days__isnull=True).exists():
        oldest = at - timedelta(days=min(max(limits.values()), LONGEST_DAYS))
        past = [day for day in attached if partitions.day_start(day) + partitions.DAY <= oldest]
        partitions.drop(past)
        attached = attached[len(past) :]
    with jobs.apart("telemetry.tidy", at=at) as pieces:
        for provider_id, days in limits.items():
            with pieces.of(provider_id):
                _delete_of(provider_id, at - timedelta(days=days), attached)


_DELETE = """
DELETE FROM {table} s USING vehicles_vehicletenure t
WHERE t.provider_id = %s AND s.vehicle_id = t.vehicle_id
    AND s.recorded_at >= t.starts_at AND (t.ends_at IS NULL OR s.recorded_at < t.ends_at)
    AND s.recorded_at >= %s AND s.recorded_at < %s
"""


def _delete_of(provider_id: int, before: datetime, attached: Iterable[date]) -> None:
    """Day by day, each its own transaction, so that no statement is long."""
    for day in attached:
        start = partitions.day_start(day)
        if start >= before:
            return
        bounds = (provider_id, start, min(before, start + partitions.DAY))
        with transaction.atomic(), connection.cursor() as cursor:
            for table in (partitions.TABLE, SampleContribution._meta.db_table):
                cursor.execute(_DELETE.format(table=table), bounds)
