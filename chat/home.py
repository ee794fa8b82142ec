"""Chat's part of the first page."""

from django.utils.translation import gettext_lazy as _

from chat.models import Conversation, ConversationStatus
from voltop.home import Task

LIST = "/admin/chat/conversation/"


def tasks(provider_id: int | None) -> list[Task]:
    """Conversations that wait for an answer, urgent ones first of all."""
    waiting = Conversation.objects.seen_from(provider_id).filter(status=ConversationStatus.OPEN)
    return [
        Task(
            _("Urgent conversations to answer"),
            waiting.filter(priority="urgent").count(),
            f"{LIST}?status__exact=open&priority__exact=urgent",
            "chat.change_conversation",
            urgency="now",
            icon="sos",
        ),
        Task(
            _("Conversations to answer"),
            waiting.exclude(priority="urgent").count(),
            f"{LIST}?status__exact=open",
            "chat.change_conversation",
            icon="chat",
        ),
    ]
