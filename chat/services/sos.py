"""A driver's call for help, with where the phone is."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from chat.models import Alarm, AlarmCause, Conversation, Topic
from chat.services.alarms import raise_alarm, ringing
from chat.services.authors import Author
from chat.services.conversations import open_conversation
from drivers.models import Driver
from fleets.errors import InvalidPosition
from voltop import clock
from voltop.context import Actor

WORDS = _("I need help now.")


@transaction.atomic
def call_for_help(
    driver: Driver,
    *,
    actor: Actor,
    body: str = "",
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
    client_id: str | None = None,
    at: datetime | None = None,
) -> Alarm:
    """Page the on-call at once; what the driver says goes into the accident's conversation.

    Called again while it rings, it goes on ringing (with the newer position); the same
    `client_id` again is the same call.
    Raises InvalidPosition (400), MessageMismatch (409).
    """
    at = at or clock.now()
    actor.require_same_provider(driver)
    if (latitude is None) != (longitude is None):
        raise InvalidPosition(field="longitude" if longitude is None else "latitude")
    with translation.override(driver.language):
        words = body or str(WORDS)
    before = _last_seq(driver)
    conversation = open_conversation(
        driver,
        actor=actor,
        author=Author.driver(driver.user_id),
        topic=Topic.ACCIDENT,
        body=words,
        client_id=client_id,
        cause=AlarmCause.SOS,
        at=at,
    )
    again = client_id is not None and before.get(conversation.pk) == conversation.last_seq
    if again and ringing(conversation) is None:
        return conversation.alarms.latest("id")
    Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    return raise_alarm(
        conversation,
        actor=actor,
        cause=AlarmCause.SOS,
        at=at,
        latitude=latitude,
        longitude=longitude,
    )


def _last_seq(driver: Driver) -> dict[int, int]:
    """The accident conversations' newest numbers; the driver's row is locked first."""
    Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    own = Conversation.objects.filter(driver=driver, topic=Topic.ACCIDENT)
    return dict(own.values_list("pk", "last_seq"))
