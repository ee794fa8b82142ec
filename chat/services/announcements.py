"""A message to many drivers, as a job that people watch: one driver per transaction.

The drivers are fixed when it is written, and `done` says how many of them are behind us, so that
any worker goes on where another was lost and nobody gets it twice. Whom it could not be written to
holds up nobody after them, and is named (`Announcement.missed_drivers`).
"""

from datetime import datetime

from django.db import transaction

from chat.errors import NobodyToWriteTo, UnknownAudience
from chat.models import Announcement, Topic
from chat.services.authors import Author
from chat.services.conversations import open_conversation, resolve
from chat.subjects import Subject
from drivers.models import Driver, DriverStatus
from fleets import audit
from fleets.models import Depot, FleetProvider
from voltop import clock, failpoints, jobs, registry, rings
from voltop.context import Actor
from voltop.jobs import Job

KIND = "chat.announce"
TASK = "chat.send_announcements"
ABOUT = "chat.announcement"
WRITTEN_TO = (DriverStatus.ONBOARDING, DriverStatus.ACTIVE, DriverStatus.SUSPENDED,
              DriverStatus.LEAVING)  # fmt: skip


@transaction.atomic
def announce(
    provider: FleetProvider,
    *,
    actor: Actor,
    body: str,
    topic: str = Topic.OTHER,
    depot: Depot | None = None,
    audience: str = "",
    at: datetime | None = None,
) -> Announcement:
    """Write to all drivers, those of a depot, or those of an audience ("on_shift"). Audited.

    Each driver gets it as a settled conversation about it, which an answer reopens.
    Raises UnknownAudience (400), NobodyToWriteTo (409).
    """
    at = at or clock.now()
    actor.require_same_provider(provider, *([depot] if depot else []))
    if actor.kind != "user":
        raise TypeError("an announcement is written by a person")
    ids = _drivers(provider.pk, depot, audience)
    if not ids:
        raise NobodyToWriteTo()
    job = jobs.queue(KIND, actor=actor, params={"drivers": ids}, total=len(ids), at=at)
    announcement = Announcement.objects.create(
        provider=provider,
        author_id=actor.id or 0,
        topic=Topic(topic),
        body=body,
        depot=depot,
        audience=audience,
        job=job,
    )
    audit.record("announcement.made", announcement, actor=actor, at=at)
    rings.ring(TASK)
    announcement.refresh_from_db()
    return announcement


def audiences() -> list[str]:
    """The names of whom a message may go to, beside all and a depot."""
    return sorted(registry.collect(registry.AUDIENCES))


def _drivers(provider_id: int, depot: Depot | None, audience: str) -> list[int]:
    drivers = Driver.objects.for_provider(provider_id).filter(status__in=WRITTEN_TO)
    if depot is not None:
        drivers = drivers.filter(depot=depot)
    if audience:
        found = registry.collect(registry.AUDIENCES).get(audience)
        if found is None:
            raise UnknownAudience(field="audience", known=audiences())
        drivers = drivers.filter(pk__in=found(provider_id))
    return list(drivers.order_by("pk").values_list("pk", flat=True))


def send_announcements(*, budget_s: float = 120) -> int:
    """Write to the drivers of the open jobs, oldest first, until all is done or the time is used.

    Returns how many drivers were written to. Safe to run at once and twice.
    """
    return jobs.work_through(KIND, _write_next, result=_result, budget_s=budget_s)


def _result(job: Job) -> dict[str, int]:
    return {"drivers": job.done - len(jobs.failures(job))}


def _write_next(job: Job) -> None:
    announcement = Announcement.objects.unscoped().get(job=job)
    own = Driver.objects.for_provider(announcement.provider_id)
    driver = own.filter(pk=job.params["drivers"][job.done], status__in=WRITTEN_TO).first()
    if driver is not None:  # else they left meanwhile
        actor = Actor.parse(job.actor, announcement.provider_id)
        conversation = open_conversation(
            driver,
            actor=actor,
            author=Author.staff(announcement.author_id),
            topic=announcement.topic,
            body=announcement.body,
            about_type=ABOUT,
            about_id=announcement.pk,
            client_id=f"announcement-{announcement.pk}",
        )
        resolve(conversation, actor=actor, reason="message to many")
    jobs.advance(job.pk, 1)
    failpoints.hit("chat.announced")


def subject(announcement_id: int, provider_id: int) -> Subject | None:
    """An announcement as the conversation about it shows it."""
    own = Announcement.objects.for_provider(provider_id)
    found = own.filter(pk=announcement_id).first()
    if found is None:
        return None
    return Subject(str(found), f"/admin/chat/announcement/{found.pk}/change/")
