"""Opening, assigning, prioritising, resolving and reopening conversations."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from chat.models import (
    CONVERSATION_MACHINE,
    AlarmCause,
    AuthorKind,
    Conversation,
    ConversationStatus,
    Priority,
    Topic,
)
from chat.services import sla
from chat.services.authors import Author
from chat.services.messages import post_message, require_no_newer, say
from chat.services.moving import move
from chat.services.staff import answers_here
from chat.subjects import require_subject
from drivers.models import Driver
from fleets import audit
from fleets.errors import NotAssignable
from fleets.models import User
from voltop import clock
from voltop.context import Actor
from voltop.numbering import next_number
from voltop.sockets.broadcast import ring

REOPEN_WITHIN = timedelta(days=7)


@transaction.atomic
def open_conversation(
    driver: Driver,
    *,
    actor: Actor,
    author: Author,
    topic: str,
    body: str,
    about_type: str = "",
    about_id: int | None = None,
    client_id: str | None = None,
    priority: str = Priority.NORMAL,
    cause: AlarmCause = AlarmCause.ACCIDENT,
    at: datetime | None = None,
) -> Conversation:
    """Say something about a matter: in the conversation that stands, or in a new one.

    An unresolved conversation of the same topic and matter takes the message; one resolved within
    seven days is reopened by it; else a new one begins: open (to answer) where the driver speaks,
    pending (waiting for the driver) where staff do. The driver's row is locked, so that ten first
    messages at once make one conversation, in order. An accident is an alarm, for that `cause`.
    Raises UnknownSubject (400), MessageMismatch (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    require_subject(about_type, about_id, driver)
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    said: dict[str, Any] = {
        "actor": actor,
        "author": author,
        "body": body,
        "client_id": client_id,
        "cause": cause,
        "at": at,
    }
    standing = _standing(driver, topic, about_type, about_id, at)
    if standing is not None:
        post_message(standing, **said)
        standing.refresh_from_db()
        return standing
    conversation = Conversation.objects.create(
        provider_id=driver.provider_id,
        driver=driver,
        number=next_number(driver.provider_id, "conversation"),
        topic=Topic(topic),
        about_type=about_type,
        about_id=about_id,
        priority=Priority.URGENT if topic == Topic.ACCIDENT else Priority(priority),
        language=driver.language,
        last_message_at=at,
        waiting_since=at,
    )
    CONVERSATION_MACHINE.open(conversation, actor=actor, at=at)
    if author.kind == AuthorKind.DRIVER:
        wait = sla.times_of_wait(conversation, at)
        Conversation.objects.filter(pk=conversation.pk).update(**wait)
    say(conversation, **said)
    conversation.refresh_from_db()
    return conversation


def _standing(
    driver: Driver, topic: str, about_type: str, about_id: int | None, at: datetime
) -> Conversation | None:
    """The unresolved conversation on the matter, else the one resolved last, if recent."""
    same = Conversation.objects.filter(
        driver=driver, topic=topic, about_type=about_type, about_id=about_id
    )
    unresolved = same.unresolved().first()
    if unresolved is not None:
        return unresolved
    return same.filter(resolved_at__gt=at - REOPEN_WITHIN).order_by("-resolved_at").first()


@transaction.atomic
def resolve(
    conversation: Conversation, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Conversation:
    """Open or pending → resolved."""
    at = at or clock.now()
    actor.require_same_provider(conversation)
    conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    move(conversation, ConversationStatus.RESOLVED, actor=actor, at=at, reason=reason)
    conversation.refresh_from_db()
    return conversation


@transaction.atomic
def reopen(
    conversation: Conversation, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Conversation:
    """Resolved → open, by staff, however long ago.

    Raises ConversationResolved (409) where a newer one on the matter stands, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(conversation)
    Driver.objects.select_for_update(no_key=True).get(pk=conversation.driver_id)
    require_no_newer(conversation)
    conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    move(
        conversation,
        ConversationStatus.OPEN,
        actor=actor,
        at=at,
        reason=reason,
        only_from={"resolved"},
    )
    conversation.refresh_from_db()
    return conversation


@transaction.atomic
def assign(
    conversation: Conversation, *, actor: Actor, assignee: User | None, at: datetime | None = None
) -> Conversation:
    """Give a conversation to a person who answers drivers at this provider, or to nobody.

    Raises NotAssignable (400).
    """
    at = at or clock.now()
    actor.require_same_provider(conversation)
    if assignee is not None and not answers_here(assignee, conversation.provider_id):
        raise NotAssignable(field="assignee")
    conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    before = conversation.assignee_id
    if before != (assignee.pk if assignee else None):
        Conversation.objects.filter(pk=conversation.pk).update(assignee=assignee)
        changes = {"assignee": (before, assignee.pk if assignee else None)}
        ring("chat", conversation.pk)
        audit.record("conversation.assigned", conversation, actor=actor, at=at, changes=changes)
    conversation.refresh_from_db()
    return conversation


@transaction.atomic
def prioritise(
    conversation: Conversation, *, actor: Actor, priority: str, at: datetime | None = None
) -> Conversation:
    """Say how urgent a conversation is; its answer is due as that asks, since the driver waits."""
    at = at or clock.now()
    actor.require_same_provider(conversation)
    conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    changes = audit.diff(conversation, {"priority": Priority(priority)})
    if changes:
        conversation.priority = Priority(priority)
        Conversation.objects.filter(pk=conversation.pk).update(priority=priority)
        sla.count_anew(conversation)
        ring("chat", conversation.pk)
        audit.record("conversation.prioritised", conversation, actor=actor, at=at, changes=changes)
    conversation.refresh_from_db()
    return conversation
