"""Log-in state: refresh families and their tokens, API clients, and windows of attempts.

No secret stands here in clear: tokens and client secrets are kept as SHA-256 of at least 256
random bits (`fleets.tokens`). Access tokens of people are signed and have no row of their own;
they live and die with their family and the user's token version.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractAccessToken, AbstractApplication

from fleets.models.base import ProviderModel
from voltop.models import Model

HASH = r"^[0-9a-f]{64}$"


class RevokeReason(models.TextChoices):
    LOGOUT = "logout", _("logged out")
    LOGOUT_EVERYWHERE = "logout_everywhere", _("logged out everywhere")
    PASSWORD_CHANGED = "password_changed", _("password changed")
    REUSED = "reused", _("an old token came back")
    STAFF = "staff", _("ended by staff")
    SECOND_FACTOR = "second_factor", _("a second factor was set up elsewhere")
    CROWDED = "crowded", _("too many log-ins of this person")


class RefreshFamily(Model):
    """One log-in on one device: the chain of refresh tokens that descend from it.

    `key` is the access tokens' claim `fam`. `generation` is the youngest token's. `device_hash`
    is SHA-256 of the id that the device sent at log-in; only that device may refresh then.
    `second_factor_at` is when the second factor was last shown on it; null: never.
    Belongs to a person, not to a provider: a person may work for several.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="refresh_families"
    )
    device_label = models.CharField(max_length=80, blank=True)
    device_hash = models.CharField(max_length=64, blank=True, editable=False)
    generation = models.PositiveIntegerField(default=1, editable=False)
    last_used_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    second_factor_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_reason = models.CharField(
        max_length=24, choices=RevokeReason, blank=True, editable=False
    )

    class Meta:
        ordering = ("id",)
        verbose_name = _("log-in")
        verbose_name_plural = _("log-ins")
        indexes = [
            models.Index(
                fields=["user"],
                name="fleets_family_live",
                condition=Q(revoked_at__isnull=True),
            ),
            models.Index(fields=["user", "device_hash"], name="fleets_family_device"),
        ]
        constraints = [
            models.CheckConstraint(
                name="fleets_family_revoked_reason",
                condition=Q(revoked_at__isnull=True, revoked_reason="")
                | (Q(revoked_at__isnull=False) & ~Q(revoked_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return self.device_label or f"log-in {self.pk}"


class RefreshToken(Model):
    """One generation of a family: single use. At most one token of a family is unused.

    `key_id` names the server key that the token was derived with, so that a device that lost the
    answer can be given the very same token again.
    """

    family = models.ForeignKey(RefreshFamily, models.CASCADE, related_name="tokens")
    generation = models.PositiveIntegerField(editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_id = models.CharField(max_length=32, editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["family", "generation"], name="fleets_refresh_one_per_generation"
            ),
            models.UniqueConstraint(
                fields=["family"],
                condition=Q(used_at__isnull=True),
                name="fleets_refresh_one_unused",
            ),
            models.CheckConstraint(
                name="fleets_refresh_hashed", condition=Q(token_hash__regex=HASH)
            ),
        ]

    def __str__(self) -> str:
        return f"generation {self.generation} of log-in {self.family_id}"


class ApiClient(AbstractApplication, ProviderModel):
    """An integrator's program at one provider: OAuth2 client credentials and nothing else.

    This is oauth-toolkit's Application. What other grants would need (redirect addresses, a
    resource owner, OpenID keys) is taken out of the table. Revoked, never deleted.
    """

    provider = models.ForeignKey("fleets.FleetProvider", models.PROTECT, related_name="api_clients")
    name = models.CharField(max_length=80)
    client_id = models.CharField(max_length=64, unique=True, editable=False)
    client_secret = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=48), default=list)
    created_by = models.CharField(max_length=80, editable=False)
    secret_set_at = models.DateTimeField(editable=False)
    last_token_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    shown_secret = ""  # set by the request that made the secret, never stored

    client_type = AbstractApplication.CLIENT_CONFIDENTIAL
    authorization_grant_type = AbstractApplication.GRANT_CLIENT_CREDENTIALS
    hash_client_secret = True
    skip_authorization = False
    algorithm = AbstractApplication.NO_ALGORITHM
    redirect_uris = ""
    post_logout_redirect_uris = ""
    allowed_origins = ""
    registration_source = AbstractApplication.RegistrationSource.MANUAL
    cimd_expires_at = None
    user = None
    created = None
    updated = None

    class Meta:
        ordering = ("id",)
        verbose_name = _("API client")
        constraints = [
            models.CheckConstraint(
                name="fleets_client_secret_hashed",
                condition=Q(client_secret__regex=HASH),
            ),
        ]

    def is_usable(self, request: object) -> bool:
        """Asked by oauth-toolkit before it looks at the secret."""
        return self.revoked_at is None


class ApiAccessToken(AbstractAccessToken, ProviderModel):
    """A bearer token of an API client: looked up by its SHA-256 on every request.

    This is oauth-toolkit's AccessToken without the column that would hold the token itself, and
    without its links to refresh and OpenID tokens, which client credentials do not have.
    """

    application = models.ForeignKey(ApiClient, models.PROTECT, related_name="access_tokens")

    token = None
    user = None
    source_refresh_token = None
    id_token = None
    resource: ClassVar[list[str]] = []
    created = None
    updated = None

    class Meta:
        ordering = ("id",)
        verbose_name = _("API access token")
        constraints = [
            models.CheckConstraint(
                name="fleets_client_token_hashed",
                condition=Q(token_checksum__regex=HASH),
            ),
        ]

    def __str__(self) -> str:
        return f"access token {self.pk}"


class AttemptWindow(Model):
    """The latest attempts under one key (an account, an address, a known device).

    `key_hash` is an HMAC of the key: whoever tried is not to be read here. `hits` are the times
    of the attempts that still count; `fleets.limits` changes them in one statement, so that the
    limit holds in parallel and without Redis.
    """

    purpose = models.CharField(max_length=24)
    key_hash = models.CharField(max_length=64)
    hits = ArrayField(models.DateTimeField(), default=list)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["updated_at"], name="fleets_attempts_age")]
        constraints = [
            models.UniqueConstraint(
                fields=["purpose", "key_hash"], name="fleets_attempts_one_per_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {len(self.hits)}"
