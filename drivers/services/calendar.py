"""What a new day of a company's calendar does to its drivers' papers.

Rung every few minutes; each company's local day is done once, in chunks that may be begun again:
what a chunk did is in the papers and notices themselves.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from drivers.models import DocumentStatus, Driver, DriverDocument, DriverStatus
from drivers.papers import today_at
from drivers.services.documents import activate_when_complete, expire
from fleets.models import FleetProvider, FleetProviderStatus
from fleets.services.notices import notify
from voltop import clock, jobs
from voltop.context import Actor
from voltop.jobs import JobRun, claim_run

TASK = "drivers.follow_calendars"
REMIND_AT_DAYS = (1, 7, 30)
AT_ONCE = 200


def follow_calendars(at: datetime | None = None) -> int:
    """Do the local day of every company whose day has begun and is not done; how many.

    A suspended company's papers run out as well; nobody becomes active there.
    """
    at = at or clock.now()
    open_ones = FleetProvider.objects.exclude(status=FleetProviderStatus.CLOSED).order_by("pk")
    done = 0
    with jobs.apart(TASK, at=at) as pieces:
        for provider in open_ones:
            with pieces.of(provider.pk):
                done += _follow(provider, at)
    return done


def _follow(provider: FleetProvider, at: datetime) -> bool:
    today = today_at(provider, at)
    slot = today.isoformat()
    if JobRun.objects.filter(job=TASK, provider_id=provider.pk, slot=slot).exists():
        return False
    actor = Actor.system("papers", provider.pk)
    while _expire_some(provider.pk, today, actor, at):
        continue
    _remind(provider.pk, today, at)
    _activate(provider.pk, actor, at)
    with transaction.atomic():
        return claim_run(TASK, slot, provider.pk)


@transaction.atomic
def _expire_some(provider_id: int, today: date, actor: Actor, at: datetime) -> int:
    """Papers whose last day is over, of people who have not left; how many of one chunk."""
    over = DriverDocument.objects.for_provider(provider_id).filter(
        status=DocumentStatus.APPROVED, expires_on__lt=today
    )
    staying = over.exclude(driver__status=DriverStatus.TERMINATED).order_by("driver_id", "pk")
    drivers = list(staying.values_list("driver_id", flat=True)[:AT_ONCE])
    list(
        Driver.objects.select_for_update(no_key=True)
        .filter(pk__in=drivers)
        .order_by("pk")
        .values("pk")
    )
    papers = staying.filter(driver_id__in=drivers).select_related("driver__user")
    found = list(papers)
    for paper in found:
        expire(paper, actor=actor, at=at)
    return len(found)


def _remind(provider_id: int, today: date, at: datetime) -> None:
    """Tell drivers 30, 7 and 1 days before a paper's last day, once each; late is told late."""
    ending = (
        DriverDocument.objects.for_provider(provider_id)
        .filter(
            status=DocumentStatus.APPROVED,
            expires_on__gte=today,
            expires_on__lte=today + timedelta(days=max(REMIND_AT_DAYS)),
        )
        .exclude(driver__status=DriverStatus.TERMINATED)
        .select_related("driver__user")
        .order_by("pk")
    )
    for paper in ending:
        if not _is_renewed(paper):
            _tell(paper, today, at)


@transaction.atomic
def _tell(paper: DriverDocument, today: date, at: datetime) -> None:
    if paper.expires_on is None:
        return
    left = (paper.expires_on - today).days
    step = min(days for days in REMIND_AT_DAYS if left <= days)
    params = {"paper": str(paper.kind), "expires_on": str(paper.expires_on)}
    once = f"{paper.expires_on}:{step}"
    notify(paper.driver.user, "drivers.document_expiring", params, about=paper, once=once, at=at)


def _is_renewed(paper: DriverDocument) -> bool:
    """Whether another approved paper of the kind lasts longer."""
    same = DriverDocument.objects.filter(
        driver_id=paper.driver_id, kind=paper.kind, status=DocumentStatus.APPROVED
    )
    longer = Q(expires_on__isnull=True) | Q(expires_on__gt=paper.expires_on)
    return same.exclude(pk=paper.pk).filter(longer).exists()


def _activate(provider_id: int, actor: Actor, at: datetime) -> None:
    """Whoever has all papers since the company demands fewer of them."""
    waiting = Driver.objects.for_provider(provider_id).filter(status=DriverStatus.ONBOARDING)
    with_papers = waiting.filter(documents__status=DocumentStatus.APPROVED).distinct()
    for driver in with_papers.order_by("pk"):
        activate_when_complete(driver, actor=actor, at=at)
