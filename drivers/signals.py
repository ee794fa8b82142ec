"""News of drivers for higher floors; sent inside the change's transaction.

`driver_moved`: driver, from_state, to_state, actor, at. A receiver is idempotent, order-free and
does not refuse.
"""

from django.dispatch import Signal

driver_moved = Signal()
payout_account_changed = Signal()
"""account (the new PayoutAccount), first (bool), actor, at."""
