"""Writes of chat: conversations and messages."""

from chat.services.conversations import assign, open_conversation, reopen, resolve
from chat.services.messages import Author, add_note, mark_read, post_message

__all__ = [
    "Author",
    "add_note",
    "assign",
    "mark_read",
    "open_conversation",
    "post_message",
    "reopen",
    "resolve",
]
