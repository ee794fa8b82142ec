"""Engagements: what a driver is to the company, over time."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from drivers.errors import EngagementEnded, EngagementOverlap, InvalidEngagementPeriod
from drivers.models import Driver, Engagement, EngagementKind
from fleets import audit
from voltop import clock
from voltop.context import Actor


@transaction.atomic
def start_engagement(
    driver: Driver,
    *,
    actor: Actor,
    kind: str,
    starts_on: date,
    ends_on: date | None = None,
    cost_centre: str = "",
    at: datetime | None = None,
) -> Engagement:
    """A new engagement over [starts_on, ends_on); may lie in the past.

    Raises InvalidEngagementPeriod (400), EngagementOverlap (409; end the running one first).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    if ends_on is not None and ends_on <= starts_on:
        raise InvalidEngagementPeriod(field="ends_on")
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    _require_free(driver, starts_on, ends_on)
    engagement = Engagement.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        kind=EngagementKind(kind),
        starts_on=starts_on,
        ends_on=ends_on,
        cost_centre=cost_centre,
    )
    audit.record(
        "engagement.started", engagement, actor=actor, at=at, changes={"kind": (None, kind)}
    )
    engagement.refresh_from_db()
    return engagement


@transaction.atomic
def end_engagement(
    engagement: Engagement, *, actor: Actor, ends_on: date, at: datetime | None = None
) -> Engagement:
    """Fix the first day on which a running engagement no longer holds.

    An end that was agreed on and has not come may be brought forward. Raises EngagementEnded
    (409), InvalidEngagementPeriod (400).
    """
    at = at or clock.now()
    actor.require_same_provider(engagement)
    engagement = Engagement.objects.select_for_update(no_key=True).get(pk=engagement.pk)
    if ends_on <= engagement.starts_on:
        raise InvalidEngagementPeriod(field="ends_on")
    before = engagement.ends_on
    if before is not None and before <= max(ends_on, _today(engagement, at)):
        raise EngagementEnded()
    Engagement.objects.filter(pk=engagement.pk).update(ends_on=ends_on)
    audit.record(
        "engagement.ended", engagement, actor=actor, at=at, changes={"ends_on": (before, ends_on)}
    )
    engagement.refresh_from_db()
    return engagement


def may_end(engagement: Engagement, at: datetime) -> bool:
    """Whether the engagement's end is open, or has not come."""
    return engagement.ends_on is None or engagement.ends_on > _today(engagement, at)


def _today(engagement: Engagement, at: datetime) -> date:
    return clock.local_date(at, clock.zone(engagement.provider.time_zone))


def _require_free(driver: Driver, starts_on: date, ends_on: date | None) -> None:
    """Named error for what the exclusion constraint would refuse; the driver row is locked."""
    others = Engagement.objects.filter(driver=driver).filter(
        Q(ends_on__isnull=True) | Q(ends_on__gt=starts_on)
    )
    if ends_on is not None:
        others = others.filter(starts_on__lt=ends_on)
    if blocker := others.first():
        raise EngagementOverlap(engagement=blocker.pk)
