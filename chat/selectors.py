"""Reads that join what was said with who said it: for the page of a conversation."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from chat.models import (
    Attachment,
    AuthorKind,
    Conversation,
    ConversationStatus,
    InternalNote,
    Message,
)
from fleets.admin.shown import name_of
from voltop import crypto

MOST = 500


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or (kind "note") what staff told each other; `who` in words."""

    kind: str
    who: str
    body: str
    at: datetime
    seq: int = 0
    note: int = 0
    files: list[Attachment] = field(default_factory=list)


def talk_of(conversation: Conversation, *, after: int = 0, after_note: int = 0) -> list[Said]:
    """What was said and noted after these numbers, at most the newest 500 of each, in the order in
    which it was written."""
    messages = conversation.messages.after(after).with_attachments().select_related("author")
    notes = conversation.notes.filter(pk__gt=after_note).select_related("author")
    said = [
        *_said(conversation, messages.order_by("-seq")[:MOST]),
        *_noted(notes.order_by("-id")[:MOST]),
    ]
    return sorted(said, key=lambda item: (item.at, item.seq, item.note))


def _said(conversation: Conversation, rows: Iterable[Message]) -> list[Said]:
    driver = conversation.driver.name
    return [
        Said(
            row.author_kind,
            driver if row.author_kind == AuthorKind.DRIVER else str(row.author or "Voltop"),
            row.body,
            row.sent_at,
            seq=row.seq,
            files=list(row.attachments.all()),
        )
        for row in rows
    ]


def _noted(rows: Iterable[InternalNote]) -> list[Said]:
    return [Said("note", str(row.author), row.body, row.written_at, note=row.pk) for row in rows]


def are_gone(talk: Iterable[Said]) -> bool:
    """Whether the files of a talk cannot be read any more, since the driver was erased."""
    kept = [attachment.file for said in talk for attachment in said.files]
    keys = crypto.keys_of({file.subject for file in kept}).values() if kept else ()
    return any(key.destroyed_at is not None for key in keys)


def timeline_of(conversation: Conversation) -> list[tuple[datetime, str, str, str]]:
    """The conversation's moves, newest first: when, to what, by whom, why."""
    events = conversation.events.order_by("-id")[:20]
    return [
        (event.at, _state(event.to_state), name_of(event.actor) or "–", event.reason)
        for event in events
    ]


def _state(name: str) -> str:
    return str(ConversationStatus(name).label)
