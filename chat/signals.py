"""News of chat; sent inside the change's transaction."""

from django.dispatch import Signal

message_posted = Signal()
"""message, conversation, actor, at."""

conversation_moved = Signal()
"""conversation, from_state, to_state, actor, at."""
