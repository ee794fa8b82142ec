"""What the outbox delivers for payments: one payout to its bank."""

from payments.services import payouts
from payments.services.handover import TOPIC
from voltop import outbox


@outbox.handler(TOPIC)
def send_payout(delivery: outbox.Delivery) -> None:
    """Bring the payout a step on; an unknown outcome is followed up by the sweep, not here."""
    payouts.attempt(delivery.payload["payout"])
