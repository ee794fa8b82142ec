"""What fleets does on news."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from fleets import audit
from fleets.models import FleetProvider
from fleets.services import deliveries, inbox
from voltop import clock
from voltop.context import Actor
from voltop.events import Event
from voltop.signals import events_published, list_exported


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


@receiver(list_exported, dispatch_uid="fleets.note_export")
def note_export(actor: Actor, name: str, form: str, filters: dict[str, str], **kwargs: Any) -> None:
    """Rows that leave as a file are in the audit trail: whose, which list, how narrowed."""
    about = FleetProvider.objects.filter(pk=actor.provider_id or 0).first() or FleetProvider(pk=0)
    changes = {"list": (None, name), "form": (None, form), "filters": (None, filters)}
    audit.record("list.exported", about, actor=actor, at=clock.now(), changes=changes)
