"""News of vehicles for higher floors; sent inside the change's transaction.

A receiver is idempotent, order-free and does not refuse.
"""

from django.dispatch import Signal

vehicle_moved = Signal()
"""vehicle, from_state, to_state, actor, at."""

vehicle_transferred = Signal()
"""vehicle (as it is now), from_provider_id, to_provider_id, actor, at: the instant of change."""

custody_changed = Signal()
"""vehicle_id, starts_at, ends_at (None: open), actor, at: who had the car in this period is not
what it was; what was attributed by it must be attributed again."""
