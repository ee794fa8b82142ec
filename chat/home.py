"""Chat's part of the first page and of the inbox."""

from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chat.models import Alarm, AlarmStatus, Conversation, ConversationStatus, Priority
from voltop.home import Work

LIST = "/admin/chat/conversation/"


def work() -> list[Work]:
    """Calls for help, and conversations that wait for an answer, urgent ones first of all."""
    return [
        Work(
            "chat.help",
            _("Drivers who called for help"),
            _ringing,
            "/admin/chat/alarm/?status__exact=ringing",
            "chat.change_alarm",
            urgency="now",
            icon="e911_emergency",
        ),
        Work(
            "chat.answer_urgent",
            _("Urgent conversations to answer"),
            partial(_waiting, urgent=True),
            f"{LIST}?status__exact=open&priority__exact=urgent",
            "chat.change_conversation",
            urgency="now",
            icon="sos",
        ),
        Work(
            "chat.answer_late",
            _("Conversations whose answer is late"),
            _late,
            f"{LIST}?late=1",
            "chat.change_conversation",
            urgency="now",
            icon="alarm",
        ),
        Work(
            "chat.answer",
            _("Conversations to answer"),
            partial(_waiting, urgent=False),
            f"{LIST}?status__exact=open",
            "chat.change_conversation",
            icon="chat",
        ),
    ]


def _waiting(provider_id: int | None, *, urgent: bool) -> QuerySet[Any]:
    waiting = Conversation.objects.seen_from(provider_id).filter(
        status=ConversationStatus.OPEN, escalated_at__isnull=True
    )
    if urgent:
        return waiting.filter(priority=Priority.URGENT)
    return waiting.exclude(priority=Priority.URGENT)


def _late(provider_id: int | None) -> QuerySet[Any]:
    return Conversation.objects.seen_from(provider_id).late()


def _ringing(provider_id: int | None) -> QuerySet[Any]:
    return Alarm.objects.seen_from(provider_id).filter(status=AlarmStatus.RINGING)
