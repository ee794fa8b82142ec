"""The term of conversations: a company says for how many days after their end they are kept.

A conversation goes as a whole, with all that was said, noted, read and handed in about it, its
calls for help and both timelines: of what is left no number is missing. One that is not settled
stays, however old, and so does a dispute about pay as long as it is one.
"""

import time
from datetime import datetime, timedelta

from django.db import transaction

from chat.models import (
    Alarm,
    AlarmEvent,
    Attachment,
    Conversation,
    ConversationEvent,
    ConversationStatus,
    InternalNote,
    Message,
    Page,
    ReadMark,
)
from fleets import audit
from fleets.models import FleetPolicy, FleetProvider
from voltop import clock, failpoints, files, jobs
from voltop.context import Actor
from voltop.triggers import forgetting

TASK = "chat.forget_conversations"
AT_ONCE = 50


def forget_conversations(*, at: datetime | None = None, budget_s: float = 180) -> int:
    """Delete conversations past their company's `conversation_retention_days`; how many. Audited.

    Some at a time, each time one transaction; what is not done within the time is done next time.
    Also at companies that are suspended or closed.
    """
    at = at or clock.now()
    stop_at = time.monotonic() + budget_s
    limited = FleetPolicy.objects.unscoped().filter(conversation_retention_days__isnull=False)
    terms = limited.order_by("provider_id").values_list(
        "provider_id", "conversation_retention_days"
    )
    forgotten = 0
    with jobs.apart(TASK, at=at) as pieces:
        for provider_id, days in list(terms):
            with pieces.of(provider_id):
                until = at - timedelta(days=days or 0)
                while time.monotonic() < stop_at and (done := _forget(provider_id, until, at)):
                    forgotten += done
    return forgotten


@transaction.atomic
def _forget(provider_id: int, until: datetime, at: datetime) -> int:
    """Some of those that ended before then; whoever has one in hand keeps it for today."""
    ended = Conversation.objects.for_provider(provider_id).filter(
        status=ConversationStatus.RESOLVED, resolved_at__lt=until
    )
    free = ended.order_by("resolved_at", "pk").select_for_update(skip_locked=True, of=("self",))
    keys = list(free.values_list("pk", flat=True)[:AT_ONCE])
    if not keys:
        return 0
    attachments = Attachment.objects.filter(conversation__in=keys)
    own_files = list(attachments.values_list("file_id", flat=True))
    with forgetting(provider_id):
        Page.objects.filter(alarm__conversation__in=keys).delete()
        AlarmEvent.objects.filter(alarm__conversation__in=keys).delete()
        Alarm.objects.filter(conversation__in=keys).delete()
        attachments.delete()
        messages, _by_model = Message.objects.filter(conversation__in=keys).delete()
        notes, _by_model = InternalNote.objects.filter(conversation__in=keys).delete()
        ReadMark.objects.filter(conversation__in=keys).delete()
        ConversationEvent.objects.filter(conversation__in=keys).delete()
        Conversation.objects.filter(pk__in=keys).delete()
    dropped = files.drop(own_files, provider_id=provider_id)
    failpoints.hit("chat.forgotten")
    counts = {
        "conversations": len(keys), "messages": messages, "notes": notes, "files": dropped
    }  # fmt: skip
    audit.record(
        "conversations.forgotten",
        FleetProvider.objects.get(pk=provider_id),
        actor=Actor.system(TASK, provider_id),
        at=at,
        changes={name: (count, 0) for name, count in counts.items()},
    )
    return len(keys)
