"""News of the kernel."""

from django.dispatch import Signal

events_published = Signal()
"""provider_id, events: committed events that just got their numbers, in the order of these.

Sent by `voltop.events` in the transaction that numbers them: what a receiver writes exists exactly
when the numbers do.
"""

list_exported = Signal()
"""actor, name, form, filters: rows of a list are about to leave as a file (`voltop.exports`).

Sent in a transaction of its own before the first byte leaves; a receiver that fails keeps the file
from leaving.
"""
