"""News of fleets for higher floors; sent inside the change's transaction.

A receiver is idempotent, order-free and does not refuse.
"""

from django.dispatch import Signal

invitation_accepted = Signal()
"""user, provider_id (who invited), at: the person came in with the invitation's code."""
joined = Signal()
"""user, provider_id, at: the person acts at the company that has invited them."""
webhook_endpoint_disabled = Signal()
"""endpoint, actor, at: the house stopped sending to it."""
