"""The outbox's way into fleets: who carries what."""

from fleets.services import deliveries
from voltop import outbox


@outbox.handler(deliveries.TOPIC, retry=deliveries.RETRY, on_dead=deliveries.give_up)
def call_webhook(message: outbox.Delivery) -> None:
    """Call an endpoint once."""
    deliveries.attempt(message)
