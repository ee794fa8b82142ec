"""Writes of chat: conversations and messages, the desk's rules, what the clock does."""

from chat.services.conversations import assign, open_conversation, prioritise, reopen, resolve
from chat.services.messages import Author, add_note, mark_read, post_message
from chat.services.sla import change_policy, create_policy
from chat.services.timers import run_timers

__all__ = [
    "Author",
    "add_note",
    "assign",
    "change_policy",
    "create_policy",
    "mark_read",
    "open_conversation",
    "post_message",
    "prioritise",
    "reopen",
    "resolve",
    "run_timers",
]
