"""The events of the house: what happened to which object, in one order per provider.

`publish` writes an event in the transaction of its change; state machines that carry `News` do it
by themselves (`voltop.states`), other services call it. An event has no number yet: a number given
at insert becomes readable out of commit order, and whoever reads "after 41" would miss 40. So one
publisher per provider at a time numbers committed events, without gaps; an object's own events
keep the order of their commits, because whoever changes the object holds its row lock. What is
numbered goes to the listeners of `events_published` in the same transaction (webhooks).

Events are thin: ids, version, what changed; never names, amounts or other personal data. They are
kept `KEEP_DAYS`. Not here: who may read them and how they are delivered (`fleets`).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Min

from voltop import clock, failpoints, jobs, rings
from voltop.context import Actor
from voltop.signals import events_published
from voltop.tables import Counter, Event

__all__ = ["Event", "Happening", "as_json", "forget_old", "publish", "publish_all", "send_pending"]

logger = logging.getLogger(__name__)

PUBLISH_TASK = "voltop.events.send_pending"
SERIES = "events"
KEEP_DAYS = 35
_FORGET_AT_ONCE = 5000

NUMBER = """
WITH pending AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM (
        SELECT id FROM voltop_event WHERE provider_id = %s AND seq IS NULL ORDER BY id LIMIT %s
    ) oldest
)
UPDATE voltop_event SET seq = %s + pending.n FROM pending WHERE voltop_event.id = pending.id
RETURNING voltop_event.id
"""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event to be published; `kind` is "object.what", e.g. "driver.suspended".

    `version` is the object's row_version after the change, `changed` the names of its columns,
    `related` the ids of what it belongs to ({"driver": 5}).
    """

    kind: str
    object_id: int
    version: int
    changed: Sequence[str] = ()
    before: str = ""
    after: str = ""
    related: Mapping[str, int] = field(default_factory=dict)


def publish(happening: Happening, *, provider_id: int, actor: Actor, at: datetime) -> None:
    """Write one event in the caller's transaction; its commit rings the publisher."""
    publish_all([happening], provider_id=provider_id, actor=actor, at=at)


def publish_change(
    obj: Any,
    kind: str,
    *,
    actor: Actor,
    at: datetime,
    changed: Iterable[str] = (),
    ids: Sequence[str] = (),
    before: str = "",
    after: str = "",
) -> None:
    """One event about a row as the database holds it now (refreshed: its row_version is told).

    `ids` names foreign keys of the row whose ids go along.
    """
    values = {name: getattr(obj, f"{name}_id") for name in ids}
    happening = Happening(
        kind,
        obj.pk,
        obj.row_version,
        tuple(changed),
        before,
        after,
        {name: value for name, value in values.items() if value is not None},
    )
    publish(happening, provider_id=obj.provider_id, actor=actor, at=at)


def publish_all(
    happenings: Iterable[Happening], *, provider_id: int, actor: Actor, at: datetime
) -> None:
    """Write events of one provider, in their order, in the caller's transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError("an event is published in the transaction of its change")
    rows = [
        Event(
            provider_id=provider_id,
            kind=happening.kind,
            object_type=happening.kind.partition(".")[0],
            object_id=happening.object_id,
            object_version=happening.version,
            changed=list(happening.changed),
            from_state=happening.before,
            to_state=happening.after,
            related=dict(happening.related),
            actor=str(actor),
            at=at,
        )
        for happening in happenings
    ]
    if not rows:
        return
    Event.objects.bulk_create(rows)
    rings.on_commit(ring)


def ring() -> None:
    """Wake the publisher now. Losing the ring costs seconds: the sweep finds what is pending."""
    rings.ring_now(PUBLISH_TASK)


def send_pending(limit: int = 500) -> int:
    """Number every committed event that has no number, and tell the listeners. Returns how many.

    Any number of publishers may run: those of one provider take turns under its counter's lock.
    What goes wrong at one provider is raised when all others have been served.
    """
    unnumbered = Event.objects.filter(seq=None).order_by("provider_id")
    done = 0
    with jobs.apart(PUBLISH_TASK) as pieces:
        for provider_id in list(unnumbered.values_list("provider_id", flat=True).distinct()):
            with pieces.of(provider_id):
                done += _send_all(provider_id, limit)
    return done


def _send_all(provider_id: int, limit: int) -> int:
    """Number all that one provider has, so many at a time."""
    done = 0
    while True:
        with transaction.atomic():
            count = _number(provider_id, limit)
        done += count
        if count < limit:
            return done


def _number(provider_id: int, limit: int) -> int:
    """Give the next numbers to committed events, oldest first.

    The events are looked for after the lock was granted, so that whatever the publisher before us
    could not see yet is seen now.
    """
    Counter.objects.bulk_create(
        [Counter(provider_id=provider_id, name=SERIES, last=0)], ignore_conflicts=True
    )
    counter = Counter.objects.select_for_update(no_key=True).get(
        provider_id=provider_id, name=SERIES
    )
    with connection.cursor() as cursor:
        cursor.execute(NUMBER, [provider_id, limit, counter.last])
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0
    Counter.objects.filter(pk=counter.pk).update(last=counter.last + len(ids))
    failpoints.hit("events.numbered")
    numbered = list(Event.objects.filter(pk__in=ids).order_by("seq"))
    events_published.send(Event, provider_id=provider_id, events=numbered)
    failpoints.hit("events.told")
    return len(ids)


def oldest_kept(provider_id: int) -> int:
    """The lowest number that can still be read; the next one where nothing is kept."""
    kept = Event.objects.filter(provider_id=provider_id, seq__isnull=False)
    lowest = kept.aggregate(lowest=Min("seq"))["lowest"]
    if lowest is not None:
        return int(lowest)
    counter = Counter.objects.filter(provider_id=provider_id, name=SERIES).first()
    return 1 if counter is None else counter.last + 1


def forget_old(*, at: datetime | None = None) -> int:
    """Delete numbered events older than `KEEP_DAYS`; returns how many."""
    until = (at or clock.now()) - timedelta(days=KEEP_DAYS)
    old = Event.objects.filter(created_at__lt=until, seq__isnull=False).order_by("pk")
    done = 0
    while ids := list(old.values_list("pk", flat=True)[:_FORGET_AT_ONCE]):
        deleted, _by_model = Event.objects.filter(pk__in=ids).delete()
        done += deleted
    return done


def as_json(event: Event) -> dict[str, Any]:
    """The event as the feed shows it and webhooks push it: the same, byte for byte."""
    return {
        "id": public_id(event),
        "seq": event.seq,
        "type": event.kind,
        "timestamp": event.at.isoformat().replace("+00:00", "Z"),
        "provider": event.provider_id,
        "data": {
            "object": event.object_type,
            "id": event.object_id,
            "version": event.object_version,
            "changed": event.changed,
            "from_state": event.from_state or None,
            "to_state": event.to_state or None,
            "related": event.related,
            "actor": event.actor,
        },
    }


def public_id(event: Event) -> str:
    """What the outside knows the event by: the same in the feed and in every delivery."""
    return f"evt_{event.uuid.hex}"
