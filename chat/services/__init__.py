"""Writes of chat: conversations and messages, calls for help, the desk's rules, the clock."""

from chat.services.alarms import acknowledge, move_on_call, page_due, put_on_call, take_off_call
from chat.services.conversations import assign, open_conversation, prioritise, reopen, resolve
from chat.services.messages import Author, add_note, mark_read, post_message
from chat.services.sla import change_policy, create_policy
from chat.services.sos import call_for_help
from chat.services.timers import run_timers

__all__ = [
    "Author",
    "acknowledge",
    "add_note",
    "assign",
    "call_for_help",
    "change_policy",
    "create_policy",
    "mark_read",
    "move_on_call",
    "open_conversation",
    "page_due",
    "post_message",
    "prioritise",
    "put_on_call",
    "reopen",
    "resolve",
    "run_timers",
    "take_off_call",
]
