"""The effects of drivers' tasks."""

from datetime import timedelta

from drivers import services
from drivers.models import Driver, DriverDocument, FaceTemplate
from drivers.services import erasure_terms, face_terms
from drivers.services.calendar import TASK
from drivers.tests.painted_faces import ask_for_faces, enrol
from drivers.tests.papers import PICTURE
from fleets.models import FleetPolicy, InboxItem, Notice
from fleets.services.inbox import refresh
from voltop import clock
from voltop.jobs import JobRun
from voltop.tests.effects import Effect, Stage


def papers_that_end(stage: Stage) -> list[int]:
    """At a company whose day nobody has done: one ran out days ago, one will."""
    provider = stage.cast.a
    JobRun.objects.filter(job=TASK, provider_id=provider.pk).delete()
    driver = stage.cast.new_driver(f"Ends{Driver.objects.count()}", provider)
    actor, at = stage.cast.actor(provider), clock.now()
    today = at.date()
    for kind, days in (("driving_licence", 2), ("national_id", 5)):
        document = services.hand_in_document(
            driver,
            actor=actor,
            kind=kind,
            file=PICTURE,
            expires_on=today + timedelta(days=days),
        )
        services.approve_document(document, actor=actor)
    DriverDocument.objects.filter(driver=driver, kind="driving_licence").update(
        expires_on=today - timedelta(days=3)
    )
    stage.notes["driver"] = driver
    return []


def somebody_who_left_long_ago(stage: Stage) -> list[int]:
    driver = stage.cast.new_driver(f"Left{Driver.objects.count()}", stage.cast.a)
    ask_for_faces(stage.cast.a)
    enrol(stage.cast, driver)
    ask_for_faces(stage.cast.a, "never")
    at = clock.now() - timedelta(days=40)
    services.leave_driver(driver, actor=stage.cast.actor(), reason="moves away", at=at)
    return []


def somebody_kept_long_enough(stage: Stage) -> list[int]:
    """Left ten years ago; the inbox has told of it for a month."""
    company, at = stage.cast.a, clock.now()
    FleetPolicy.objects.filter(provider=company).update(driver_erasure_days=3_000)
    driver = stage.cast.new_driver(f"Gone{Driver.objects.count()}", company)
    actor, left_at = stage.cast.actor(company), at - timedelta(days=3_700)
    services.leave_driver(driver, actor=actor, reason="moves away", at=left_at)
    services.terminate_driver(driver, actor=actor, reason="moved away", at=left_at)
    refresh(at=at)
    InboxItem.objects.filter(kind=erasure_terms.WORK, object_id=driver.pk).update(
        created_at=at - timedelta(days=30)
    )
    stage.notes["gone"] = driver
    return []


def name_kept(stage: Stage) -> str:
    return Driver.objects.get(pk=stage.notes["gone"].pk).given_name


def faces_kept(stage: Stage) -> int:
    return FaceTemplate.objects.for_provider(stage.cast.a.pk).count()


def told(stage: Stage) -> list[str]:
    own = Notice.objects.filter(user=stage.notes["driver"].user, kind__startswith="drivers.doc")
    return sorted(own.values_list("kind", flat=True))


EFFECTS = [
    Effect(TASK, papers_that_end, told, ["drivers.document_expired", "drivers.document_expiring"]),
    Effect(erasure_terms.TASK, somebody_kept_long_enough, name_kept, "Erased"),
    Effect(face_terms.TASK, somebody_who_left_long_ago, faces_kept, 0),
]
