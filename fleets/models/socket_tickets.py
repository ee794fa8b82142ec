"""Tickets that open a socket, once."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from fleets.models.base import ProviderModel
from fleets.models.tokens import HASH, RefreshFamily


class SocketTicket(ProviderModel):
    """The right to open one socket within half a minute, as a person at a provider.

    It stands for the log-in it was asked with: of a device (`family`) or of a browser
    (`session_key`). Used up by deleting its row; kept as SHA-256, like every token.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token_version = models.PositiveIntegerField(editable=False)
    family = models.ForeignKey(
        RefreshFamily, models.CASCADE, related_name="+", null=True, blank=True
    )
    session_key = models.CharField(max_length=40, blank=True, editable=False)
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["expires_at"], name="fleets_socket_ticket_age")]
        constraints = [
            models.CheckConstraint(
                name="fleets_socket_ticket_hashed", condition=Q(token_hash__regex=HASH)
            ),
            models.CheckConstraint(
                name="fleets_socket_ticket_of_one_log_in",
                condition=Q(family__isnull=False, session_key="")
                | (Q(family__isnull=True) & ~Q(session_key="")),
            ),
        ]

    def __str__(self) -> str:
        return f"socket ticket {self.pk}"
