"""News of reservations; sent inside the change's transaction."""

from django.dispatch import Signal

reservation_made = Signal()
"""reservation, actor, at."""

reservation_moved = Signal()
"""reservation, from_state, to_state, actor, at."""
