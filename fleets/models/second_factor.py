"""The second factor of a person: a TOTP secret, and recovery codes for when the phone is gone."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from fleets.models.tokens import HASH
from voltop.models import Model


class SecondFactor(Model):
    """A TOTP secret (RFC 6238: SHA-1, six digits, 30 seconds), of which a person has one at most.

    It counts once it is confirmed with a first code. `secret` is encrypted under the person's own
    key; `last_step` is the time step of the last code that was taken, and no step counts twice.
    """

    key = models.UUIDField(default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="second_factor", editable=False
    )
    secret = models.BinaryField(editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    last_step = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("id",)
        verbose_name = _("second factor")

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class RecoveryCode(Model):
    """A code that stands in for the second factor once. Kept as a keyed hash of 50 random bits."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )
    code_hash = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("id",)
        verbose_name = _("recovery code")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "code_hash"], name="fleets_recovery_code_unique"
            ),
            models.CheckConstraint(
                name="fleets_recovery_code_hashed", condition=models.Q(code_hash__regex=HASH)
            ),
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"
