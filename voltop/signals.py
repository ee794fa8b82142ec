"""News of the kernel."""

from django.dispatch import Signal

events_published = Signal()
"""provider_id, events: committed events that just got their numbers, in the order of these.

Sent by `voltop.events` in the transaction that numbers them: what a receiver writes exists exactly
when the numbers do.
"""
