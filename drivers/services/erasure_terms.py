"""The term after which people who left are erased, where a company's rules have one.

Two weeks before, the inbox of whoever may erase tells of each of them; nobody is erased whom it did
not tell of for a week. Rung daily, also after days without a bell. Not here: what is erased.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from drivers.models import Driver, DriverEvent, DriverStatus
from drivers.numbers import subject_of
from drivers.services.drivers import open_matters
from drivers.services.erasure import erase_driver
from fleets.models import FleetPolicy, InboxItem
from fleets.selectors import payslips_kept_days
from voltop import clock, jobs
from voltop.context import Actor
from voltop.crypto import SubjectKey

TASK = "drivers.erase_due"
WORK = "drivers.erasure_ahead"
AHEAD = timedelta(days=14)
TOLD_FOR = timedelta(days=7)
MOST = 200
"""So many a night at one company; the others follow the next night."""


def erase_due(at: datetime | None = None) -> int:
    """Erase all who are due, company by company; how many. Whoever has something open waits."""
    at, erased = at or clock.now(), 0
    with jobs.apart(TASK, at=at) as pieces:
        rows = FleetPolicy.objects.unscoped().filter(driver_erasure_days__isnull=False)
        for policy in rows.select_related("provider").order_by("provider_id"):
            for driver in _told_of(_past_term(policy, at), at)[:MOST]:
                with pieces.of(policy.provider_id):
                    erased += _erase(driver, at)
    return erased


def due_soon(rows: QuerySet[Driver], at: datetime) -> QuerySet[Driver]:
    """Those of the drivers whose term ends within two weeks, or has ended."""
    days = Cast(F("provider__policy__driver_erasure_days"), IntegerField())
    kept = rows.filter(provider__policy__driver_erasure_days__isnull=False)
    return _gone(kept, by=Value(at + AHEAD) - days * Value(timedelta(days=1)))


def _erase(driver: Driver, at: datetime) -> bool:
    if open_matters(driver):
        return False
    actor = Actor.system(TASK, driver.provider_id)
    erase_driver(driver, actor=actor, reason="left longer ago than people are kept", at=at)
    return True


def _past_term(policy: FleetPolicy, at: datetime) -> QuerySet[Driver]:
    """Never before the law lets go, whatever the rules say."""
    lawful = payslips_kept_days(policy.provider)
    days = timedelta(days=max(policy.driver_erasure_days or 0, lawful))
    return _gone(Driver.objects.for_provider(policy.provider_id), by=Value(at - days))


def _told_of(rows: QuerySet[Driver], at: datetime) -> QuerySet[Driver]:
    told = InboxItem.objects.unscoped().filter(
        provider=OuterRef("provider"), kind=WORK, object_id=OuterRef("pk"), closed_at__isnull=True
    )
    return rows.filter(Exists(told.filter(created_at__lte=at - TOLD_FOR))).order_by("pk")


def _gone(rows: QuerySet[Driver], *, by: Any) -> QuerySet[Driver]:
    """Who had left for good by then and is not erased."""
    ends = DriverEvent.objects.unscoped().filter(driver=OuterRef("pk"))
    ends = ends.filter(to_state=DriverStatus.TERMINATED).order_by("-at", "-pk")
    subject = Concat(Value(subject_of(0)[:-1]), Cast(OuterRef("pk"), CharField()))
    closed = SubjectKey.objects.filter(
        subject=subject, provider_id=OuterRef("provider_id"), destroyed_at__isnull=False
    )
    gone = rows.filter(~Exists(closed), status=DriverStatus.TERMINATED)
    return gone.annotate(left_at=Subquery(ends.values("at")[:1])).filter(left_at__lte=by)
