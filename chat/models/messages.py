"""What is said in a conversation, what staff note about it, and who has read how far."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.models.conversations import Conversation
from chat.querysets import MessageQuerySet
from fleets.models import ProviderModel


class AuthorKind(models.TextChoices):
    DRIVER = "driver", _("driver")
    STAFF = "staff", _("staff")
    SYSTEM = "system", _("system")


class Message(ProviderModel):
    """What somebody said: plain text, never edited. `client_id` makes a resend the same message.

    Files that belong to it are `Attachment`s, `attachment_count` of them.
    """

    append_only = True
    until_forgotten = True

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="messages")
    seq = models.PositiveIntegerField()
    author_kind = models.CharField(max_length=8, choices=AuthorKind)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    body = models.TextField(max_length=4000, blank=True)
    attachment_count = models.PositiveSmallIntegerField(default=0, editable=False)
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
            models.CheckConstraint(
                name="chat_message_not_empty", condition=~Q(body="") | Q(attachment_count__gt=0)
            ),
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
    until_forgotten = True

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
