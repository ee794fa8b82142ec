"""Conversations: their states, what they are about, and when an answer is due."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.querysets import ConversationQuerySet
from drivers.models import Driver
from fleets.models import ProviderModel
from voltop.states import Machine, News, StateEvent


class ConversationStatus(models.TextChoices):
    OPEN = "open", _("open")
    PENDING = "pending", _("waiting for the driver")
    RESOLVED = "resolved", _("resolved")


CONVERSATION_MACHINE = Machine(
    "status",
    {
        "open": {"pending", "resolved"},
        "pending": {"open", "resolved"},
        "resolved": {"open"},
    },
    news=News(
        "conversation",
        {"open": "conversation.opened", "resolved": "conversation.resolved"},
        ids=("driver",),
    ),
)


class Topic(models.TextChoices):
    PAY = "pay", _("pay")
    VEHICLE = "vehicle", _("vehicle")
    CHARGING = "charging", _("charging")
    ACCIDENT = "accident", _("accident")
    DOCUMENTS = "documents", _("documents")
    OTHER = "other", _("other")


class Priority(models.TextChoices):
    NORMAL = "normal", _("normal")
    HIGH = "high", _("high")
    URGENT = "urgent", _("urgent")


def _instant() -> "models.DateTimeField":
    """An instant that services set, or null."""
    return models.DateTimeField(null=True, blank=True, editable=False)


class Conversation(ProviderModel):
    """A driver and the company's support about one matter.

    A driver has at most one unresolved conversation per topic and matter. `last_seq` is the
    sequence number of the newest message: numbers run from 1 without gaps.

    While it is open the driver waits, since `waiting_since`; the answer is due by `due_at`, as the
    company's `SlaPolicy` says. `first_response_due_at` is when the first answer was due, whatever
    came later, and `first_responded_at` when it came. While it is pending nothing is due, since
    `pending_since`; `held_s` adds up how long that was.
    """

    Status = ConversationStatus

    driver = models.ForeignKey(Driver, models.PROTECT, related_name="conversations")
    number = models.PositiveIntegerField(editable=False)
    topic = models.CharField(max_length=16, choices=Topic)
    about_type = models.CharField(max_length=64, blank=True)
    about_id = models.BigIntegerField(null=True, blank=True)
    priority = models.CharField(max_length=8, choices=Priority, default=Priority.NORMAL)
    status = models.CharField(
        max_length=16,
        choices=ConversationStatus,
        default=ConversationStatus.OPEN,
        editable=False,
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="assigned_conversations",
        null=True,
        blank=True,
    )
    language = models.CharField(max_length=5, default="en")
    last_seq = models.PositiveIntegerField(default=0, editable=False)
    last_message_at = models.DateTimeField(editable=False)
    resolved_at = _instant()
    first_response_due_at = _instant()
    first_responded_at = _instant()
    waiting_since = _instant()
    due_at = _instant()
    warn_at = _instant()
    warned_at = _instant()
    escalated_at = _instant()
    pending_since = _instant()
    held_s = models.PositiveIntegerField(default=0, editable=False)
    off_hours_answered_at = _instant()
    closing_warned_at = _instant()

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["driver", "topic", "about_type", "about_id"],
                condition=~Q(status="resolved"),
                nulls_distinct=False,
                name="chat_conversation_one_unresolved",
            ),
            models.UniqueConstraint(fields=["provider", "number"], name="chat_conversation_number"),
            models.CheckConstraint(
                name="chat_conversation_status_known",
                condition=Q(status__in=ConversationStatus.values),
            ),
            models.CheckConstraint(
                name="chat_conversation_resolved_at",
                condition=Q(status="resolved", resolved_at__isnull=False)
                | (~Q(status="resolved") & Q(resolved_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="chat_conversation_waits_while_open",
                condition=Q(status="open", waiting_since__isnull=False)
                | (
                    ~Q(status="open")
                    & Q(waiting_since__isnull=True, due_at__isnull=True, warn_at__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="chat_conversation_held_while_pending",
                condition=Q(status="pending", pending_since__isnull=False)
                | (~Q(status="pending") & Q(pending_since__isnull=True)),
            ),
            models.CheckConstraint(
                name="chat_conversation_about_both",
                condition=Q(about_type="", about_id__isnull=True)
                | (~Q(about_type="") & Q(about_id__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider", "status", "last_message_at"], name="chat_conversation_inbox"
            ),
            models.Index(
                fields=["provider", "resolved_at"],
                condition=Q(status="resolved"),
                name="chat_conversation_ended",
            ),
            models.Index(fields=["provider", "updated_at"], name="chat_conversation_changed"),
            models.Index(
                fields=["warn_at"],
                condition=Q(warn_at__isnull=False, warned_at__isnull=True),
                name="chat_conversation_to_warn",
            ),
            models.Index(
                fields=["due_at"],
                condition=Q(due_at__isnull=False, escalated_at__isnull=True),
                name="chat_conversation_to_escalate",
            ),
            models.Index(
                fields=["last_message_at"],
                condition=Q(status="pending"),
                name="chat_conversation_silent",
            ),
        ]
        permissions = [("speak_as_driver", "Can talk to the company as a driver")]

    def __str__(self) -> str:
        return f"#{self.number} {self.get_topic_display()}"


class ConversationEvent(StateEvent):
    until_forgotten = True

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass
