"""Chat in the admin: the support desk, calls for help, what the company has set."""

from chat.admin import alarms, conversations, desk

__all__ = ["alarms", "conversations", "desk"]
