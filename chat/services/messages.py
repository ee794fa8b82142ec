"""Messages: numbered without gaps, sent twice is stored once; notes; read marks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from chat.errors import ConversationResolved, MessageEmpty, MessageMismatch, ReadTooFar
from chat.models import (
    AlarmCause,
    AuthorKind,
    Conversation,
    ConversationStatus,
    InternalNote,
    Message,
    ReadMark,
    Topic,
)
from chat.services import attachments as files
from chat.services import sla
from chat.services.alarms import acknowledge_ringing, raise_alarm
from chat.services.authors import Author
from chat.services.moving import move
from chat.signals import message_posted
from fleets.services.notices import notify
from voltop import clock
from voltop.context import Actor
from voltop.sockets.broadcast import ring

NOTES = "chat.notes"
"""What sockets of staff are rung for, and no driver's."""
OFF_HOURS = _("Thank you for your message. Nobody is here now; we will answer you soon.")
OFF_HOURS_UNTIL = _(
    "Thank you for your message. Nobody is here now; we are back on %(opens_at)s and will answer "
    "you then."
)


@transaction.atomic
def post_message(
    conversation: Conversation,
    *,
    actor: Actor,
    author: Author,
    body: str = "",
    attachments: Sequence[int] = (),
    client_id: str | None = None,
    cause: AlarmCause = AlarmCause.ACCIDENT,
    at: datetime | None = None,
) -> Message:
    """Add a message and move the conversation: the driver's opens it, staff's makes it pending.

    The same `client_id` again gives back the stored message. A driver's message reopens what was
    resolved within seven days. `attachments` are files that the author has handed in before.
    Raises ConversationResolved, MessageMismatch (409), MessageEmpty, UnknownAttachment (400).
    """
    at = at or clock.now()
    actor.require_same_provider(conversation)
    conversation = Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    stored = _already_stored(conversation, client_id, author, body, attachments)
    if stored is not None:
        return stored
    if not body and not attachments:
        raise MessageEmpty(field="body")
    if conversation.status == ConversationStatus.RESOLVED:
        _require_recent(conversation, author, at)
    return say(
        conversation,
        actor=actor,
        author=author,
        body=body,
        attachments=attachments,
        client_id=client_id,
        at=at,
        cause=cause,
    )


def say(
    conversation: Conversation,
    *,
    actor: Actor,
    author: Author,
    body: str,
    client_id: str | None,
    at: datetime,
    attachments: Sequence[int] = (),
    cause: AlarmCause = AlarmCause.ACCIDENT,
) -> Message:
    """Move the conversation as a message asks and add it; the row is locked (or new).

    An accident that a driver tells of, anew or once more after it was settled, is an alarm, which
    staff who answer have heard.
    """
    begins = conversation.last_seq == 0 or conversation.status == ConversationStatus.RESOLVED
    follow(conversation, actor=actor, author=author, at=at)
    said: dict[str, Any] = {"body": body, "client_id": client_id, "attachments": attachments}
    message = append(conversation, actor=actor, author=author, at=at, **said)
    if author.kind == AuthorKind.DRIVER:
        answer_off_hours(conversation, at=at)
        if begins and conversation.topic == Topic.ACCIDENT:
            raise_alarm(conversation, actor=actor, cause=cause, at=at)
    if author.kind == AuthorKind.STAFF:
        acknowledge_ringing(conversation, actor=actor, at=at)
    return message


def append(
    conversation: Conversation,
    *,
    actor: Actor,
    author: Author,
    body: str,
    client_id: str | None,
    at: datetime,
    attachments: Sequence[int] = (),
) -> Message:
    """Number and store a message; the conversation's row is locked (or new) in this transaction."""
    Conversation.objects.filter(pk=conversation.pk).update(
        last_seq=F("last_seq") + 1, last_message_at=at, closing_warned_at=None
    )
    seq = Conversation.objects.values_list("last_seq", flat=True).get(pk=conversation.pk)
    message = Message.objects.create(
        provider_id=conversation.provider_id,
        conversation=conversation,
        seq=seq,
        author_kind=author.kind,
        author_id=author.user_id,
        body=body,
        client_id=client_id,
        attachment_count=len(attachments),
        sent_at=at,
    )
    if attachments:
        files.take(conversation, author, attachments).update(message=message)
    if author.kind == AuthorKind.STAFF and not _follows_staff(message):
        params = {"number": conversation.number}
        driver, turn = conversation.driver, str(message.seq)
        kind = "chat.written" if seq == 1 else "chat.answered"
        notify(driver.user, kind, params, about=conversation, once=turn, at=at)
    ring("chat", conversation.pk)
    message_posted.send(Message, message=message, conversation=conversation, actor=actor, at=at)
    return message


def _follows_staff(message: Message) -> bool:
    """Whether staff spoke last before: of several answers in a row the driver is told once."""
    before = Message.objects.filter(conversation_id=message.conversation_id, seq=message.seq - 1)
    return before.filter(author_kind=AuthorKind.STAFF).exists()


def _already_stored(
    conversation: Conversation,
    client_id: str | None,
    author: Author,
    body: str,
    attachments: Sequence[int],
) -> Message | None:
    if client_id is None:
        return None
    stored = Message.objects.filter(conversation=conversation, client_id=client_id).first()
    if stored is None:
        return None
    same = (stored.author_id, stored.body) == (author.user_id, body)
    if not same or not files.are_of(stored, attachments):
        raise MessageMismatch(field="client_id", seq=stored.seq)
    return stored


def _require_recent(conversation: Conversation, author: Author, at: datetime) -> None:
    """What was resolved long ago stays so; a newer unresolved one on the matter goes first."""
    require_no_newer(conversation)
    resolved_at = conversation.resolved_at or at
    if author.kind == AuthorKind.DRIVER and resolved_at <= at - timedelta(days=7):
        raise ConversationResolved(conversation=None)


def require_no_newer(conversation: Conversation) -> None:
    """Raises ConversationResolved (409), naming the unresolved one on the same matter."""
    same = Conversation.objects.filter(
        driver_id=conversation.driver_id,
        topic=conversation.topic,
        about_type=conversation.about_type,
        about_id=conversation.about_id,
    )
    newer = same.unresolved().exclude(pk=conversation.pk).first()
    if newer is not None:
        raise ConversationResolved(conversation=newer.pk)


def follow(conversation: Conversation, *, actor: Actor, author: Author, at: datetime) -> None:
    """Move the conversation as the message asks: whose turn is it now?

    What was resolved opens first, whoever writes. The row is locked (or new) in this transaction.
    """
    if author.kind == AuthorKind.STAFF and conversation.first_responded_at is None:
        conversation.first_responded_at = at
        Conversation.objects.filter(pk=conversation.pk).update(first_responded_at=at)
    if author.kind == AuthorKind.DRIVER or conversation.status == ConversationStatus.RESOLVED:
        _move(conversation, ConversationStatus.OPEN, actor=actor, at=at)
    if author.kind == AuthorKind.STAFF:
        _move(conversation, ConversationStatus.PENDING, actor=actor, at=at)


def _move(
    conversation: Conversation, wanted: ConversationStatus, *, actor: Actor, at: datetime
) -> None:
    if conversation.status != wanted:
        move(conversation, wanted, actor=actor, at=at)


def answer_off_hours(conversation: Conversation, *, at: datetime) -> None:
    """Tell a driver who writes while nobody is there when somebody will be; once.

    In the driver's language, in the company's zone. The row is locked in this transaction.
    """
    policy = sla.policy_of(conversation.provider_id)
    if conversation.off_hours_answered_at is not None or policy is None:
        return
    calendar = sla.calendar_for(policy, conversation.priority)
    if not policy.off_hours_answer or calendar.is_open(at):
        return
    opens_at = calendar.opens_next(at)
    with translation.override(conversation.language):
        body = str(OFF_HOURS)
        if opens_at is not None:
            local = opens_at.astimezone(calendar.zone)
            body = str(OFF_HOURS_UNTIL) % {"opens_at": date_format(local, "SHORT_DATETIME_FORMAT")}
    Conversation.objects.filter(pk=conversation.pk).update(off_hours_answered_at=at)
    actor = Actor.system("chat.off_hours", conversation.provider_id)
    author = Author.system()
    append(conversation, actor=actor, author=author, body=body, client_id=None, at=at)


@transaction.atomic
def add_note(
    conversation: Conversation, *, actor: Actor, body: str, at: datetime | None = None
) -> InternalNote:
    """Something staff tell each other; no driver ever reads it."""
    actor.require_same_provider(conversation)
    if actor.kind != "user":
        raise TypeError("a note is written by a person")
    ring(NOTES, conversation.pk)
    return InternalNote.objects.create(
        provider_id=conversation.provider_id,
        conversation=conversation,
        author_id=actor.id or 0,
        body=body,
        written_at=at or clock.now(),
    )


@transaction.atomic
def mark_read(conversation: Conversation, *, actor: Actor, user_id: int, seq: int) -> ReadMark:
    """A person has read up to `seq`; an older number changes nothing. Raises ReadTooFar (400)."""
    actor.require_same_provider(conversation)
    last = Conversation.objects.values_list("last_seq", flat=True).get(pk=conversation.pk)
    if seq > last:
        raise ReadTooFar(field="seq", last_seq=last)
    mark, _created = ReadMark.objects.get_or_create(
        conversation=conversation,
        user_id=user_id,
        defaults={"provider_id": conversation.provider_id, "seq": seq},
    )
    ReadMark.objects.filter(Q(pk=mark.pk) & Q(seq__lt=seq)).update(seq=seq)
    mark.refresh_from_db()
    return mark
