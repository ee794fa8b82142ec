"""Chat in the admin: the support desk, calls for help, messages to many, what the company set."""

from chat.admin import alarms, announcements, conversations, desk

__all__ = ["alarms", "announcements", "conversations", "desk"]
