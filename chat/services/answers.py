"""An answer of the desk with its files, in one step: they are handed in and sent, or neither is.

Not here: looking the files through (`voltop.files.prepare`), which comes before the transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from chat.models import Conversation, Message
from chat.services.attachments import hand_in_attachment
from chat.services.authors import Author
from chat.services.messages import post_message
from drivers.models import Driver
from voltop import clock, files
from voltop.context import Actor


@transaction.atomic
def answer_with_files(
    conversation: Conversation,
    *,
    actor: Actor,
    body: str,
    prepared: Sequence[files.Prepared],
    client_id: str | None,
    at: datetime | None = None,
) -> Message:
    """Answer the driver as a person of the staff; the same `client_id` again keeps no file twice.

    The driver's row is locked: of two at once the second finds what the first has sent. Raises
    what `hand_in_attachment` and `post_message` raise.
    """
    at = at or clock.now()
    actor.require_same_provider(conversation)
    Driver.objects.select_for_update(no_key=True).get(pk=conversation.driver_id)
    author = Author.staff(actor.id or 0)
    ids = _sent_before(conversation, client_id, len(prepared))
    if ids is None:
        handed_in = [
            hand_in_attachment(conversation, actor=actor, author=author, file=file, at=at)
            for file in prepared
        ]
        ids = [attachment.pk for attachment in handed_in]
    return post_message(
        conversation,
        actor=actor,
        author=author,
        body=body,
        attachments=ids,
        client_id=client_id,
        at=at,
    )


def _sent_before(conversation: Conversation, client_id: str | None, count: int) -> list[int] | None:
    """The files of the message that this `client_id` has sent before; none of them where they are
    not so many, which makes this another message."""
    if client_id is None:
        return None
    sent = conversation.messages.filter(client_id=client_id).first()
    if sent is None:
        return None
    ids = list(sent.attachments.values_list("pk", flat=True))
    return ids if len(ids) == count else []
