"""What fleets does on news."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from fleets.services import deliveries, inbox
from voltop.events import Event
from voltop.signals import events_published


@receiver(events_published, dispatch_uid="fleets.fan_out")
def fan_out(provider_id: int, events: list[Event], **kwargs: Any) -> None:
    """Events that got their numbers go to whoever has asked for them."""
    deliveries.fan_out(provider_id, events)


@receiver(events_published, dispatch_uid="fleets.look_after_the_inbox")
def look_after_the_inbox(provider_id: int, events: list[Event], **kwargs: Any) -> None:
    """What happened to objects may begin or end a piece of work: looked at after the numbers."""
    touched = {event.object_type.replace("_", "") for event in events}
    look = partial(inbox.refresh, provider_id=provider_id, objects=touched)
    transaction.on_commit(look, robust=True)
