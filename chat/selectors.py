"""Reads that join what was said with who said it: for the page of a conversation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chat.models import AuthorKind, Conversation, Message
from fleets.admin.shown import name_of, spaced
from voltop.words import moment

MOST = 500


@dataclass(frozen=True, slots=True)
class Said:
    """A message, or (kind "note") what staff told each other; `who` in words."""

    kind: str
    who: str
    body: str
    at: datetime
    seq: int = 0


def talk_of(conversation: Conversation) -> list[Said]:
    """The newest messages and the notes among them, in the order in which they were written."""
    newest = conversation.messages.select_related("author").order_by("-seq")[:MOST]
    notes = [
        Said("note", str(note.author), note.body, note.written_at)
        for note in conversation.notes.select_related("author").order_by("-id")[:MOST]
    ]
    return sorted([*_said(conversation, newest), *notes], key=lambda item: (item.at, item.seq))


def news_of(conversation: Conversation, after: int) -> list[dict[str, Any]]:
    """Messages after a number, as a browser shows them."""
    rows = conversation.messages.after(after).select_related("author").order_by("seq")[:MOST]
    return [
        {
            "seq": item.seq,
            "kind": item.kind,
            "who": item.who,
            "body": item.body,
            "at": moment(item.at),
        }
        for item in _said(conversation, rows)
    ]


def _said(conversation: Conversation, rows: Iterable[Message]) -> list[Said]:
    driver = conversation.driver.name
    return [
        Said(
            row.author_kind,
            driver if row.author_kind == AuthorKind.DRIVER else str(row.author or "Voltop"),
            row.body,
            row.sent_at,
            row.seq,
        )
        for row in rows
    ]


def timeline_of(conversation: Conversation) -> list[tuple[datetime, str, str, str]]:
    """The conversation's moves, newest first: when, to what, by whom, why."""
    events = conversation.events.order_by("-id")[:20]
    return [
        (event.at, spaced(event.to_state), name_of(event.actor) or "–", event.reason)
        for event in events
    ]
