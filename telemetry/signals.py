"""News of telemetry for higher floors; sent inside the change's transaction.

A receiver is idempotent, order-free and does not refuse.
"""

from django.dispatch import Signal

history_changed = Signal()
"""touched (list of telemetry.windows.Touched: vehicle_id, start, end), at: samples of that time
came late or changed, and trips, hired runs and days of it were made anew."""
