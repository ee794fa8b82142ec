"""The outbox's way into fleets: who carries what."""

from fleets.services import deliveries, notices
from voltop import outbox


@outbox.handler(deliveries.TOPIC, retry=deliveries.RETRY, on_dead=deliveries.give_up)
def call_webhook(message: outbox.Delivery) -> None:
    """Call an endpoint once."""
    deliveries.attempt(message)


@outbox.handler(notices.TOPIC, retry=notices.RETRY, on_dead=notices.give_up)
def send_notice(message: outbox.Delivery) -> None:
    """Hand a notice to one channel."""
    notices.attempt(message)
