"""Files in conversations: handed in within the driver's quotas, sent with a message, once."""

from collections.abc import Collection
from datetime import datetime, timedelta

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
UNSENT_KEPT = timedelta(days=3)
AT_ONCE = 100


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


def forget_unsent(*, at: datetime | None = None) -> int:
    """Drop files that were handed in three days ago and never sent; how many.

    One that is being sent at this instant is locked by its message and stays; one that is locked
    here is no longer there for a message (UnknownAttachment).
    """
    until, forgotten = (at or clock.now()) - UNSENT_KEPT, 0
    while dropped := _drop_unsent(until):
        forgotten += dropped
    return forgotten


@transaction.atomic
def _drop_unsent(until: datetime) -> int:
    """Some of them; 0 when there is none left that nobody has in hand."""
    unsent = Attachment.objects.unscoped().filter(message__isnull=True, created_at__lt=until)
    free = unsent.order_by("created_at", "pk").select_for_update(skip_locked=True, of=("self",))
    rows = list(free.values_list("pk", "provider_id", "file_id")[:AT_ONCE])
    Attachment.objects.unscoped().filter(pk__in=[pk for pk, _company, _file in rows]).delete()
    for company in sorted({company for _pk, company, _file in rows}):
        files.drop([file for _pk, own, file in rows if own == company], provider_id=company)
    return len(rows)
