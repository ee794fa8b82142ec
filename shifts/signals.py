"""News of shifts for higher floors; sent inside the change's transaction.

A receiver is idempotent, order-free and does not refuse. `shift_*` carry shift, actor, at.
"""

from django.dispatch import Signal

shift_started = Signal()
shift_ended = Signal()
"""A shift has an end: by the driver, by staff, or accepted from telemetry. Not yet payable."""

shift_confirmed = Signal()
"""The shift is payable from now on."""

shift_reopened = Signal()
"""Confirmed → ended again: what was computed from it no longer holds."""

metrics_changed = Signal()
"""metrics (the ShiftMetrics row, with other values than before), shift_id, provider_id, at."""

entries_posted = Signal()
"""account, entry_ids (new PlatformEntry rows), actor, at."""
