"""The moves of a conversation, each with what it means for who waits for whom."""

from datetime import datetime
from typing import Any

from chat.models import CONVERSATION_MACHINE, Conversation, ConversationStatus
from chat.services import sla
from chat.services.alarms import acknowledge_ringing
from chat.signals import conversation_moved
from voltop.context import Actor
from voltop.sockets.broadcast import ring


def move(
    conversation: Conversation,
    to: ConversationStatus,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    only_from: set[str] | None = None,
) -> None:
    """Move the conversation, which is locked in this transaction. Raises IllegalMove (409).

    What was held while it waited for the driver is kept, whichever way it is left.
    """
    columns: dict[str, Any] = {"resolved_at": at if to == ConversationStatus.RESOLVED else None}
    columns |= _held(conversation, at)
    columns["pending_since"] = at if to == ConversationStatus.PENDING else None
    is_open = to == ConversationStatus.OPEN
    columns |= sla.times_of_wait(conversation, at) if is_open else sla.NOT_WAITING
    left = CONVERSATION_MACHINE.move(
        conversation, to, actor=actor, at=at, reason=reason, only_from=only_from, **columns
    )
    if to == ConversationStatus.RESOLVED:
        acknowledge_ringing(conversation, actor=actor, at=at)
    ring("chat", conversation.pk)
    conversation_moved.send(
        Conversation, conversation=conversation, from_state=left, to_state=to, actor=actor, at=at
    )


def _held(conversation: Conversation, at: datetime) -> dict[str, int]:
    if conversation.pending_since is None:
        return {}
    held_s = max(round((at - conversation.pending_since).total_seconds()), 0)
    return {"held_s": conversation.held_s + held_s}
