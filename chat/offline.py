"""What of chat a driver's phone may queue: what is said, what was read, a call for help.

A message is of the instant at which it arrives: those who answer were not told of it before.
"""

from typing import Any

from chat import services
from chat.models import Conversation
from chat.serializers import (
    MessageInputSerializer,
    OwnConversationInputSerializer,
    ReadSerializer,
    SosSerializer,
)
from chat.views.callers import person
from drivers.models import Driver
from voltop.api.fields import INT8_MAX, StrictIntegerField
from voltop.api.offline import Occurrence, OfflineKind
from voltop.context import Actor
from voltop.errors import NotFound

PERMISSION = "chat.speak_as_driver"


class QueuedMessageSerializer(MessageInputSerializer):
    conversation = StrictIntegerField(min_value=1, max_value=INT8_MAX)


class QueuedReadSerializer(ReadSerializer):
    conversation = StrictIntegerField(min_value=1, max_value=INT8_MAX)


def kinds() -> list[OfflineKind]:
    """Without a `client_id` of its own, a message has the event's."""
    return [
        OfflineKind("chat.open", PERMISSION, OwnConversationInputSerializer, _open),
        OfflineKind("chat.message", PERMISSION, QueuedMessageSerializer, _say),
        OfflineKind("chat.read", PERMISSION, QueuedReadSerializer, _read),
        OfflineKind("chat.sos", PERMISSION, SosSerializer, _call),
    ]


def _own(driver: Driver, key: int) -> Conversation:
    """One of the driver's conversations. Raises NotFound."""
    own = Conversation.objects.for_provider(driver.provider_id).filter(driver=driver)
    found = own.filter(pk=key).first()
    if found is None:
        raise NotFound()
    return found


def _open(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Any:
    author = services.Author.driver(person(actor))
    said = {"client_id": event.client_id, **values}
    return services.open_conversation(driver, actor=actor, author=author, **said)


def _say(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Any:
    conversation = _own(driver, values.pop("conversation"))
    author = services.Author.driver(person(actor))
    said = {"client_id": event.client_id, **values}
    services.post_message(conversation, actor=actor, author=author, **said)
    return conversation


def _read(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Any:
    conversation = _own(driver, values.pop("conversation"))
    services.mark_read(conversation, actor=actor, user_id=person(actor), **values)
    return conversation


def _call(driver: Driver, actor: Actor, values: dict[str, Any], event: Occurrence) -> Any:
    return services.call_for_help(driver, actor=actor, **{"client_id": event.client_id, **values})
