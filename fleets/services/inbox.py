"""The inbox: items opened and closed as their causes come and go, and what people do with them.

An app tells a kind of work by the query that finds it (`voltop.home.Work`); nothing opens or
closes an item by hand. `refresh` brings the items in line with the queries: right after events
that touch the kind's objects, and in a sweep for what only time brings about. It may run at once
and at any time; of one kind and object the database keeps one item that is not closed.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from fleets import audit
from fleets.errors import ClosesByItself, ItemClosed, NotAssignable, SnoozeInPast
from fleets.models import InboxItem, User
from fleets.selectors import may_at
from voltop import clock
from voltop.context import Actor
from voltop.home import Work, all_work

LONGEST_SNOOZE = timedelta(days=90)
KEEP_CLOSED = timedelta(days=90)
AT_ONCE = 5000


def refresh(
    *,
    provider_id: int | None = None,
    objects: Collection[str] | None = None,
    at: datetime | None = None,
) -> int:
    """Open what has a cause and no item, close what has an item and no cause; how many changed.

    `provider_id` and `objects` (model names in small letters: "shift") narrow it to what may have
    changed; without them it looks at everything.
    """
    at = at or clock.now()
    changed = 0
    for work in all_work().values():
        causes = work.rows(provider_id)
        if objects is None or causes.model._meta.model_name in objects:
            changed += _close(work, causes, provider_id, at) + _open(work, causes, at)
    return changed


def _open(work: Work, causes: Any, at: datetime) -> int:
    known = InboxItem.objects.unscoped().standing().filter(kind=work.kind)
    known = known.filter(object_id=OuterRef("pk"), provider_id=OuterRef(work.provider))
    missing = causes.filter(~Exists(known), **{f"{work.provider}__isnull": False}).order_by("pk")
    pairs = missing.values_list("pk", work.provider)[:AT_ONCE]
    items = [
        InboxItem(
            provider_id=provider_id,
            kind=work.kind,
            object_type=causes.model._meta.label_lower,
            object_id=pk,
            due_at=at + work.due_in,
        )
        for pk, provider_id in pairs
    ]
    InboxItem.objects.bulk_create(items, ignore_conflicts=True)
    return len(items)


def _close(work: Work, causes: Any, provider_id: int | None, at: datetime) -> int:
    standing = InboxItem.objects.seen_from(provider_id).standing().filter(kind=work.kind)
    own = {"pk": OuterRef("object_id"), work.provider: OuterRef("provider_id")}
    return standing.filter(~Exists(causes.filter(**own))).update(closed_at=at)


def forget_old(*, at: datetime | None = None) -> int:
    """Delete items that were closed long ago; how many."""
    until = (at or clock.now()) - KEEP_CLOSED
    gone, _by_model = InboxItem.objects.unscoped().filter(closed_at__lt=until).delete()
    return gone


def set_aside(provider_id: int | None) -> dict[str, list[int]]:
    """The objects of items that were put off or are done, by kind."""
    found: dict[str, list[int]] = {}
    aside = InboxItem.objects.seen_from(provider_id).set_aside(clock.now())
    for kind, object_id in aside.values_list("kind", "object_id"):
        found.setdefault(kind, []).append(object_id)
    return found


@transaction.atomic
def assign(
    item: InboxItem, *, actor: Actor, assignee: User | None, at: datetime | None = None
) -> InboxItem:
    """Give an item to a person who may do that work here, or to nobody. Audited.

    Raises NotAssignable (400), ItemClosed (409).
    """
    item = _locked(item, actor)
    if assignee is not None:
        work = item.work
        if work is None or not may_at(assignee, item.provider_id, work.permission):
            raise NotAssignable(field="assignee")
    values = {"assignee_id": assignee.pk if assignee else None}
    return _change(item, "assigned", values, actor, at or clock.now())


@transaction.atomic
def snooze(
    item: InboxItem, *, actor: Actor, until: datetime | None, at: datetime | None = None
) -> InboxItem:
    """Put an item off until an instant within 90 days, or (None) take it up again. Audited.

    Raises SnoozeInPast (400), ItemClosed (409).
    """
    at = at or clock.now()
    if until is not None and not at < until <= at + LONGEST_SNOOZE:
        raise SnoozeInPast(field="until")
    return _change(_locked(item, actor), "snoozed", {"snoozed_until": until}, actor, at)


@transaction.atomic
def finish(item: InboxItem, *, actor: Actor, at: datetime | None = None) -> InboxItem:
    """Say that there is nothing more to do although the cause goes on. Twice is once. Audited.

    Raises ClosesByItself (409) for kinds that stay until their cause ends, ItemClosed (409).
    """
    at = at or clock.now()
    item = _locked(item, actor)
    if item.work is None or not item.work.done_by_hand:
        raise ClosesByItself(kind=item.kind)
    return _change(item, "done", {"done_at": item.done_at or at}, actor, at)


def _locked(item: InboxItem, actor: Actor) -> InboxItem:
    actor.require_same_provider(item)
    locked = InboxItem.objects.select_for_update(no_key=True).get(pk=item.pk)
    if locked.closed_at is not None:
        raise ItemClosed()
    return locked


def _change(
    item: InboxItem, what: str, values: dict[str, Any], actor: Actor, at: datetime
) -> InboxItem:
    changes = audit.diff(item, values)
    if changes:
        InboxItem.objects.filter(pk=item.pk).update(**values)
        audit.record(f"inbox_item.{what}", item, actor=actor, at=at, changes=changes)
    item.refresh_from_db()
    return item
