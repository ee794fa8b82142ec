"""The effects of the kernel's tasks."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from voltop import clock, events, files, jobs, outbox, runs
from voltop.files.store import MOVE_TASK
from voltop.tables import Event, IdempotencyKey, JobRun, OutboxMessage, StoredFile, TaskState
from voltop.tests.effects import Effect, Stage

TOPIC, LANE_TOPIC = "tests.effect", "tests.lane"
DEAD = "tests:dead-worker"


@outbox.handler(TOPIC)
@outbox.handler(LANE_TOPIC)
def take(delivery: outbox.Delivery) -> None:
    """An outside that knows a message again by its id."""
    with transaction.atomic():
        jobs.claim_run(delivery.topic, str(delivery.id))


def message(stage: Stage, topic: str = TOPIC, lane: str = "") -> list[int]:
    with transaction.atomic():
        outbox.emit(topic=topic, provider_id=None, object_key=f"{topic}:1", payload={}, lane=lane)
    return []


def delivered(stage: Stage, topic: str = TOPIC) -> tuple[int, int]:
    sent = OutboxMessage.objects.filter(topic=topic, sent_at__isnull=False)
    return sent.count(), JobRun.objects.filter(job=topic).count()


def old_and_new_key(stage: Stage) -> list[int]:
    for key, days in (("old", 31), ("new", 1)):
        IdempotencyKey.objects.create(
            actor="user:1",
            key=key,
            route="r",
            request_sha256=b"1" * 32,
            status=200,
            created_at=clock.now() - timedelta(days=days),
        )
    return []


def lost_task(stage: Stage) -> list[int]:
    TaskState.objects.create(
        key="fleets.seal_audit[]",
        task="fleets.seal_audit",
        worker=DEAD,
        started_at=clock.now() - timedelta(seconds=90),
    )
    return []


def finished_long_ago(stage: Stage) -> list[int]:
    for number, days in ((1, 8), (2, 1)):
        TaskState.objects.create(
            key=f"tests.old[{number}]",
            task="tests.old",
            args=[number],
            finished_at=clock.now() - timedelta(days=days),
        )
    return []


def unnumbered(stage: Stage) -> list[int]:
    """An event whose publisher was never rung."""
    stage.notes["event"] = event(stage, "tests.told")
    return []


def event(stage: Stage, kind: str, **columns: Any) -> int:
    return Event.objects.create(
        provider_id=columns.pop("provider_id", stage.cast.b.pk),
        kind=kind,
        object_type="test",
        object_id=1,
        object_version=1,
        actor="system:tests",
        at=clock.now(),
        **columns,
    ).pk


def numbers(stage: Stage) -> list[int]:
    """The numbers of the provider's events: without gaps or repeats, the test's among them."""
    given = Event.objects.filter(provider_id=stage.cast.b.pk, seq__isnull=False)
    seqs = sorted(given.values_list("seq", flat=True))
    ours = given.filter(pk=stage.notes["event"]).count()
    return [ours, int(seqs == list(range(seqs[0], seqs[0] + len(seqs)))) if seqs else 0]


def old_event(stage: Stage) -> list[int]:
    for kind, days in (("tests.old", events.KEEP_DAYS + 1), ("tests.recent", 1)):
        when = clock.now() - timedelta(days=days)
        event(stage, kind, seq=days, created_at=when, provider_id=10**9)
    return []


def handed_in(stage: Stage) -> list[int]:
    prepared = files.Prepared(b"of effects", "image/jpeg", "effects.jpg")
    with transaction.atomic():
        kept = files.keep(prepared, subject="tests.effect:1", provider_id=10**9)
    stage.notes["file"] = kept.pk
    return []


def moved(stage: Stage) -> tuple[bool, bytes]:
    kept = StoredFile.objects.get(pk=stage.notes["file"])
    return bool(kept.place), files.read(kept)


EFFECTS = [
    Effect(events.PUBLISH_TASK, unnumbered, numbers, [1, 1]),
    Effect(
        "voltop.events.forget_old",
        old_event,
        lambda stage: [
            event.kind for event in Event.objects.filter(kind__in=["tests.old", "tests.recent"])
        ],
        ["tests.recent"],
    ),
    Effect(outbox.RELAY_TASK, message, delivered, (1, 1)),
    Effect(
        outbox.LANES_TASK,
        partial(message, topic=LANE_TOPIC, lane="tests"),
        partial(delivered, topic=LANE_TOPIC),
        (1, 1),
    ),
    Effect(MOVE_TASK, handed_in, moved, (True, b"of effects")),
    Effect(
        "voltop.api.forget_keys",
        old_and_new_key,
        lambda stage: list(IdempotencyKey.objects.values_list("key", flat=True)),
        ["new"],
    ),
    Effect(
        runs.RECOVER_TASK,
        lost_task,
        lambda stage: TaskState.objects.filter(worker=DEAD).count(),
        0,
    ),
    Effect(
        "voltop.tidy_runs",
        finished_long_ago,
        lambda stage: [state.key for state in TaskState.objects.filter(task="tests.old")],
        ["tests.old[2]"],
    ),
]
