"""The admin pages of fleets; `base` is what every app's admin builds upon."""

from fleets.admin import audit, inbox, people, providers, refs, tokens, webhooks

__all__ = ["audit", "inbox", "people", "providers", "refs", "tokens", "webhooks"]
