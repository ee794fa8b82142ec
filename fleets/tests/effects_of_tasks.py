"""The effects of fleets' tasks."""

from datetime import timedelta

from drivers.models import Driver
from fleets import services
from fleets.models import (
    AuditEntry,
    AuditSeal,
    DataImport,
    InboxItem,
    Notice,
    RefreshFamily,
    WebhookDelivery,
    WebhookEndpoint,
)
from fleets.services import sealing
from voltop import clock, jobs
from voltop.context import Actor
from voltop.jobs import Job
from voltop.records import record_kinds
from voltop.tables import Event
from voltop.tests.effects import Effect, Stage


def ended_log_ins(stage: Stage) -> list[int]:
    now = clock.now()
    for label, days in (("old", 31), ("recent", 1)):
        RefreshFamily.objects.create(
            user=stage.cast.viewer,
            device_label=label,
            last_used_at=now,
            expires_at=now,
            revoked_at=now - timedelta(days=days),
            revoked_reason="logout",
        )
    return []


def left(stage: Stage) -> list[str]:
    own = RefreshFamily.objects.filter(user=stage.cast.viewer, revoked_reason="logout")
    return list(own.values_list("device_label", flat=True))


def an_entry(stage: Stage) -> list[int]:
    stage.cast.depot(stage.cast.a, "To be sealed")
    stage.notes["entry"] = AuditEntry.objects.unscoped().latest("id").pk
    return []


def seals(stage: Stage) -> tuple[int, int]:
    of_entry = AuditSeal.objects.unscoped().filter(entry=stage.notes["entry"])
    return of_entry.count(), len(sealing.verify().findings)


def verified(stage: Stage) -> list[tuple[str, int]]:
    done = Job.objects.filter(kind=sealing.VERIFY)
    return [(job.state, job.result["findings"]) for job in done]


def sent_long_ago(stage: Stage) -> list[int]:
    provider, now = stage.cast.b, clock.now()
    endpoint = WebhookEndpoint.objects.create(
        provider=provider, name="Effects", url="https://hooks.example/", kinds=[], secret=b"x"
    )
    for number, days in ((1, 31), (2, 1)):
        event = Event.objects.create(
            provider_id=10**9 + 1,  # apart from those that have numbers
            kind="tests.sent",
            object_type="test",
            object_id=number,
            object_version=1,
            actor="system:tests",
            at=now,
        )
        WebhookDelivery.objects.create(
            provider=provider,
            endpoint=endpoint,
            event=event,
            status="delivered",
            delivered_at=now,
            created_at=now - timedelta(days=days),
        )
    return []


def kept_deliveries(stage: Stage) -> list[int]:
    own = WebhookDelivery.objects.unscoped().filter(endpoint__name="Effects")
    return list(own.values_list("event__object_id", flat=True))


def an_endpoint_off(stage: Stage) -> list[int]:
    endpoint = WebhookEndpoint.objects.create(
        provider=stage.cast.b,
        name="Off",
        url="https://hooks.example/",
        kinds=[],
        secret=b"x",
        status="disabled",
    )
    stage.notes["off"] = endpoint.pk
    return []


def its_items(stage: Stage) -> list[str]:
    own = InboxItem.objects.for_provider(stage.cast.b.pk).filter(object_id=stage.notes["off"])
    return list(own.values_list("kind", flat=True))


def closed_long_ago(stage: Stage) -> list[int]:
    now = clock.now()
    for number, days in ((1, 91), (2, 1)):
        InboxItem.objects.create(
            provider=stage.cast.b,
            kind="tests.gone",
            object_type="tests.thing",
            object_id=number,
            due_at=now,
            closed_at=now - timedelta(days=days),
        )
    return []


def kept_items(stage: Stage) -> list[int]:
    own = InboxItem.objects.for_provider(stage.cast.b.pk).filter(kind="tests.gone")
    return list(own.values_list("object_id", flat=True))


def two_drivers(stage: Stage) -> list[int]:
    rows = "given_name,family_name,email\nIda,Effects,ida@x.example\nIvo,Effects,ivo@x.example\n"
    services.request_import(
        stage.cast.a,
        actor=stage.cast.actor(),
        kind=record_kinds()["drivers"],
        file_name="effects.csv",
        content=rows.encode(),
    )
    return []


def imported(stage: Stage) -> tuple[int, list[tuple[str, int, int]]]:
    done = DataImport.objects.unscoped().filter(file_name="effects.csv")
    made = Driver.objects.unscoped().filter(family_name="Effects")
    return made.count(), [(i.job.state, i.created_count, i.refused_count) for i in done]


def files_of_long_ago(stage: Stage) -> list[int]:
    provider, now = stage.cast.b, clock.now()
    actor = Actor.system("tests", provider.pk)
    for days in (6, 8):
        at = now - timedelta(days=days)
        job = jobs.start(jobs.queue("tests.file", actor=actor, at=at).pk, actor=actor, at=at)
        jobs.finish(job.pk, actor=actor, at=at)
        DataImport.objects.create(
            provider=provider,
            kind="drivers",
            file_name=f"{days}.csv",
            actor=str(actor),
            job=job,
            content=b"a",
        )
    return []


def files_left(stage: Stage) -> list[str]:
    kept = DataImport.objects.unscoped().filter(provider=stage.cast.b).exclude(content=b"")
    return [row.file_name for row in kept]


def told_long_ago(stage: Stage) -> list[int]:
    now = clock.now()
    for key, days in (("old", 366), ("recent", 1)):
        at = now - timedelta(days=days)
        Notice.objects.create(user=stage.cast.viewer, kind="tests.told", key=key, at=at)
    return []


def kept_notices(stage: Stage) -> list[str]:
    own = Notice.objects.filter(user=stage.cast.viewer, kind="tests.told")
    return list(own.values_list("key", flat=True))


EFFECTS = [
    Effect("fleets.run_imports", two_drivers, imported, (2, [("done", 2, 0)])),
    Effect("fleets.forget_import_files", files_of_long_ago, files_left, ["6.csv"]),
    Effect("fleets.forget_notices", told_long_ago, kept_notices, ["recent"]),
    Effect("fleets.forget_inbox", closed_long_ago, kept_items, [2]),
    Effect("fleets.refresh_inbox", an_endpoint_off, its_items, ["fleets.endpoint_disabled"]),
    Effect("fleets.forget_deliveries", sent_long_ago, kept_deliveries, [2]),
    Effect("fleets.forget_expired", ended_log_ins, left, ["recent"]),
    Effect("fleets.seal_audit", an_entry, seals, (1, 0)),
    Effect(sealing.VERIFY, lambda stage: [], verified, [("done", 0)]),
]
