"""What fleets does on news."""

from typing import Any

from django.dispatch import receiver

from fleets.services import deliveries
from voltop.events import Event
from voltop.signals import events_published


@receiver(events_published, dispatch_uid="fleets.fan_out")
def fan_out(provider_id: int, events: list[Event], **kwargs: Any) -> None:
    """Events that got their numbers go to whoever has asked for them."""
    deliveries.fan_out(provider_id, events)
