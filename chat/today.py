"""What of chat stands in `me/today`: how many conversations have something unread."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from chat.models import AuthorKind, Conversation, Message, ReadMark
from drivers.models import Driver
from voltop.api.fields import StrictIntegerField
from voltop.api.serializers import Serializer
from voltop.today import Part

RECENT = timedelta(days=30)


class ChatTodaySerializer(Serializer):
    unread = StrictIntegerField(min_value=0)


def parts() -> list[Part]:
    return [Part("chat.speak_as_driver", {"chat": ChatTodaySerializer}, _chat)]


def _chat(driver: Driver, at: datetime) -> dict[str, Any]:
    """Conversations of the last 30 days with a message that somebody else wrote after the mark."""
    marks = ReadMark.objects.unscoped().filter(conversation=OuterRef("pk"), user=driver.user_id)
    said = Message.objects.unscoped().filter(conversation=OuterRef("pk"))
    said = said.exclude(author_kind=AuthorKind.DRIVER)
    own = Conversation.objects.filter(driver=driver, last_message_at__gt=at - RECENT)
    unread = own.annotate(
        read_to=Coalesce(Subquery(marks.values("seq")[:1]), 0),
        told_to=Subquery(said.order_by("-seq").values("seq")[:1]),
    ).filter(told_to__gt=F("read_to"))
    return {"chat": {"unread": unread.count()}}
