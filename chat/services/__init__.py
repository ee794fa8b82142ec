"""Writes of chat: conversations and messages, calls for help, the desk's rules, the clock."""

from chat.services.alarms import acknowledge, move_on_call, page_due, put_on_call, take_off_call
from chat.services.announcements import announce, audiences, send_announcements
from chat.services.answers import answer_with_files
from chat.services.attachments import forget_unsent, hand_in_attachment, seen_by
from chat.services.authors import Author
from chat.services.canned import (
    create_canned_reply,
    filled_in,
    replies_for,
    retire_canned_reply,
    update_canned_reply,
)
from chat.services.conversations import assign, open_conversation, prioritise, reopen, resolve
from chat.services.messages import add_note, mark_read, post_message
from chat.services.retention import forget_conversations
from chat.services.sla import change_policy, create_policy
from chat.services.sos import call_for_help
from chat.services.timers import run_timers

__all__ = [
    "Author",
    "acknowledge",
    "add_note",
    "announce",
    "answer_with_files",
    "assign",
    "audiences",
    "call_for_help",
    "change_policy",
    "create_canned_reply",
    "create_policy",
    "filled_in",
    "forget_conversations",
    "forget_unsent",
    "hand_in_attachment",
    "mark_read",
    "move_on_call",
    "open_conversation",
    "page_due",
    "post_message",
    "prioritise",
    "put_on_call",
    "reopen",
    "replies_for",
    "resolve",
    "retire_canned_reply",
    "run_timers",
    "seen_by",
    "send_announcements",
    "take_off_call",
    "update_canned_reply",
]
