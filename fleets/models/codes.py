"""One-time codes: how somebody proves to own an e-mail address or a phone."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fleets.models.tokens import HASH
from voltop.models import Model

MAX_ATTEMPTS = 5


class CodePurpose(models.TextChoices):
    LOGIN = "login", _("log-in")
    PASSWORD = "password", _("new password")
    INVITATION = "invitation", _("invitation")


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")


class OneTimeCode(Model):
    """A code that was sent to a person: short-lived, tried five times at most, used once.

    The code stands nowhere: it is an HMAC over `key` under a server key (`fleets.tokens`), made
    when it is sent and made again when it is tried. `lookup_hash` is SHA-256 of what finds the
    row: the challenge that only the asker was given, or the invitation's own long code. Of a
    person's live codes for one purpose there is only the newest. Without a user it is the same
    row for a name that nobody has: known and unknown names cost and answer alike.
    """

    Purpose = CodePurpose

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, editable=False
    )
    purpose = models.CharField(max_length=12, choices=CodePurpose, editable=False)
    channel = models.CharField(max_length=8, choices=Channel, editable=False)
    provider = models.ForeignKey(
        "fleets.FleetProvider", models.PROTECT, related_name="+", null=True, editable=False
    )
    lookup_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_id = models.CharField(max_length=32, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField(editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("id",)
        verbose_name = _("one-time code")
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="fleets_code_age")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "purpose"],
                condition=Q(user__isnull=False, used_at__isnull=True, ended_at__isnull=True),
                name="fleets_code_one_live",
            ),
            models.CheckConstraint(
                name="fleets_code_used_or_ended",
                condition=Q(used_at__isnull=True) | Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(
                name="fleets_code_attempts", condition=Q(attempts__lte=MAX_ATTEMPTS)
            ),
            models.CheckConstraint(name="fleets_code_hashed", condition=Q(lookup_hash__regex=HASH)),
            models.CheckConstraint(
                name="fleets_code_purpose_known", condition=Q(purpose__in=CodePurpose.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.pk}"
