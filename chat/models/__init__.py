"""Conversations with drivers, their messages, notes among staff, and what the desk promises.

Chat knows nothing of what a conversation is about: `about_type` and `about_id` are resolved
through `voltop.registry.CONVERSATION_SUBJECTS` (`chat.subjects`).
"""

from chat.models.alarms import (
    ALARM_MACHINE,
    PAGE_MACHINE,
    Alarm,
    AlarmCause,
    AlarmEvent,
    AlarmStatus,
    OnCall,
    Page,
    PageStatus,
)
from chat.models.announcements import Announcement
from chat.models.attachments import Attachment
from chat.models.conversations import (
    CONVERSATION_MACHINE,
    Conversation,
    ConversationEvent,
    ConversationStatus,
    Priority,
    Topic,
)
from chat.models.desk import CannedReply, SlaPolicy
from chat.models.messages import AuthorKind, InternalNote, Message, ReadMark

__all__ = [
    "ALARM_MACHINE",
    "CONVERSATION_MACHINE",
    "PAGE_MACHINE",
    "Alarm",
    "AlarmCause",
    "AlarmEvent",
    "AlarmStatus",
    "Announcement",
    "Attachment",
    "AuthorKind",
    "CannedReply",
    "Conversation",
    "ConversationEvent",
    "ConversationStatus",
    "InternalNote",
    "Message",
    "OnCall",
    "Page",
    "PageStatus",
    "Priority",
    "ReadMark",
    "SlaPolicy",
    "Topic",
]
