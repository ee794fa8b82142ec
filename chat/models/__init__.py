"""Conversations with drivers, their messages, notes among staff, and what the desk promises.

Chat knows nothing of what a conversation is about: `about_type` and `about_id` are resolved
through `voltop.registry.CONVERSATION_SUBJECTS` (`chat.subjects`).
"""

from chat.models.conversations import (
    CONVERSATION_MACHINE,
    Conversation,
    ConversationEvent,
    ConversationStatus,
    Priority,
    Topic,
)
from chat.models.desk import SlaPolicy
from chat.models.messages import AuthorKind, InternalNote, Message, ReadMark

__all__ = [
    "CONVERSATION_MACHINE",
    "AuthorKind",
    "Conversation",
    "ConversationEvent",
    "ConversationStatus",
    "InternalNote",
    "Message",
    "Priority",
    "ReadMark",
    "SlaPolicy",
    "Topic",
]
