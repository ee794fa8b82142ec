"""Files in conversations: handed in within the driver's quotas, sent with a message, once."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from chat.errors import UnknownAttachment
from chat.models import Attachment, Conversation, Message
from chat.services.authors import Author
from drivers.services import keep_file
from voltop import clock, files
from voltop.context import Actor

MOST = 5
"""Files with one message."""


@transaction.atomic
def hand_in_attachment(
    conversation: Conversation,
    *,
    actor: Actor,
    author: Author,
    file: files.Prepared,
    at: datetime | None = None,
) -> Attachment:
    """Keep a file to be sent with a message; until then only who handed it in sees it.

    It counts against the quotas of the driver, about whom it is. Raises FilesFull (413),
    TooManyFiles (429), KeyDestroyed (409).
    """
    at = at or clock.now()
    actor.require_same_provider(conversation)
    attachment = Attachment.objects.create(
        provider_id=conversation.provider_id,
        conversation=conversation,
        author_kind=author.kind,
        author_id=author.user_id or 0,
        file=keep_file(conversation.driver, file=file, at=at),
    )
    attachment.refresh_from_db()
    return attachment


def take(
    conversation: Conversation, author: Author, wanted: Collection[int]
) -> QuerySet[Attachment]:
    """Those of the author's in this conversation that are to be sent now; locked.

    Raises UnknownAttachment (400): another's, another conversation's, sent before: all alike.
    """
    own = Attachment.objects.filter(
        conversation=conversation,
        message__isnull=True,
        author_id=author.user_id or 0,
        author_kind=author.kind,
        pk__in=wanted,
    )
    found = set(own.select_for_update(no_key=True).values_list("pk", flat=True))
    if found != set(wanted):
        raise UnknownAttachment(field="attachments")
    return Attachment.objects.filter(pk__in=found)


def are_of(message: Message, wanted: Collection[int]) -> bool:
    """Whether these, and no others, were sent with the message."""
    return set(message.attachments.values_list("pk", flat=True)) == set(wanted)


def seen_by(rows: QuerySet[Attachment], author: Author) -> QuerySet[Attachment]:
    """Those of the rows that were sent, and what this author has handed in."""
    own = Q(author_id=author.user_id, author_kind=author.kind)
    return rows.filter(Q(message__isnull=False) | own)
