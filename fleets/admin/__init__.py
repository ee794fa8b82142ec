"""The admin pages of fleets; `base` is what every app's admin builds upon."""

from fleets.admin import audit, imports, inbox, notices, people, providers, refs, tokens, webhooks

__all__ = [
    "audit",
    "imports",
    "inbox",
    "notices",
    "people",
    "providers",
    "refs",
    "tokens",
    "webhooks",
]
