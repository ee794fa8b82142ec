"""Files that belong to what is said."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models.conversations import Conversation
from chat.models.messages import AuthorKind, Message
from fleets.models import ProviderModel
from voltop.tables import StoredFile


class Attachment(ProviderModel):
    """A photo or PDF in a conversation; handed in first, then sent with a message, once.

    Nobody but who handed it in sees it before it is sent. The file is sealed under the driver's
    key, whoever sent it: with the driver's erasure it is gone.
    """

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="attachments")
    message = models.ForeignKey(
        Message, models.PROTECT, related_name="attachments", null=True, blank=True
    )
    author_kind = models.CharField(max_length=8, choices=AuthorKind)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    file = models.OneToOneField(StoredFile, models.PROTECT, related_name="+")

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(message__isnull=True),
                name="chat_attachment_unsent",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="chat_attachment_author", condition=~Q(author_kind=AuthorKind.SYSTEM)
            ),
        ]

    def __str__(self) -> str:
        return f"attachment {self.pk}"
