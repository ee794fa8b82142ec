"""Conversations with drivers, their messages, notes among staff, and who has read how far.

Chat knows nothing of what a conversation is about: `about_type` and `about_id` are resolved
through `voltop.registry.CONVERSATION_SUBJECTS` (`chat.subjects`).
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.querysets import ConversationQuerySet, MessageQuerySet
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


class Conversation(ProviderModel):
    """A driver and the company's support about one matter.

    A driver has at most one unresolved conversation per topic and matter. `last_seq` is the
    sequence number of the newest message: numbers run from 1 without gaps.
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
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)

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
                name="chat_conversation_about_both",
                condition=Q(about_type="", about_id__isnull=True)
                | (~Q(about_type="") & Q(about_id__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["provider", "status", "last_message_at"], name="chat_conversation_inbox"
            ),
        ]
        permissions = [("speak_as_driver", "Can talk to the company as a driver")]

    def __str__(self) -> str:
        return f"#{self.number} {self.get_topic_display()}"


class ConversationEvent(StateEvent):
    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        pass


class AuthorKind(models.TextChoices):
    DRIVER = "driver", _("driver")
    STAFF = "staff", _("staff")
    SYSTEM = "system", _("system")


class Message(ProviderModel):
    """What somebody said: plain text, never edited. `client_id` makes a resend the same message."""

    append_only = True

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="messages")
    seq = models.PositiveIntegerField()
    author_kind = models.CharField(max_length=8, choices=AuthorKind)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    body = models.TextField(max_length=4000)
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (unique)
    sent_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("conversation_id", "seq")
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="chat_message_seq"),
            models.UniqueConstraint(
                fields=["conversation", "client_id"], name="chat_message_client_id"
            ),
            models.CheckConstraint(name="chat_message_seq_from_one", condition=Q(seq__gte=1)),
            models.CheckConstraint(name="chat_message_not_empty", condition=~Q(body="")),
            models.CheckConstraint(
                name="chat_message_author",
                condition=Q(author_kind="system", author__isnull=True)
                | (~Q(author_kind="system") & Q(author__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}/{self.seq}"


class InternalNote(ProviderModel):
    """What staff tell each other about a conversation. A table of its own: it cannot leak into
    what drivers, notices, webhooks or exports read."""

    append_only = True

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    body = models.TextField(max_length=4000)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = [models.CheckConstraint(name="chat_note_not_empty", condition=~Q(body=""))]

    def __str__(self) -> str:
        return f"note {self.pk}"


class ReadMark(ProviderModel):
    """How far a person has read a conversation; never moves back."""

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="read_marks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    seq = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["conversation", "user"], name="chat_read_mark_one"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} up to {self.seq}"
