"""People: one user per person, and the role each has at each provider."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from fleets.models.base import ProviderModel
from fleets.querysets import UserQuerySet
from voltop.context import Actor
from voltop.models import Model
from voltop.words import told


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    """Finds people by their log-in name, e-mail (any case) or phone (E.164)."""

    def get_by_natural_key(self, username: str | None) -> "User":
        name = (username or "").strip()
        return self.get(Q(email=name.lower()) | Q(phone=name))

    def create_user(
        self, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """A user; without a password it cannot log in by one."""
        user = self.model(email=email.lower() if email else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin, Model):
    """One person, whichever providers they work for; e-mail and/or phone is the log-in name.

    `provider_id` and `roles` are not columns: they are the active provider and the roles there,
    set once per request (`use_provider`). Owner at A is not owner at B. An e-mail or phone is
    verified once a code that was sent there came back; before, it is only what somebody typed.
    """

    email = models.EmailField(unique=True, null=True, blank=True)
    phone = models.CharField(max_length=16, unique=True, null=True, blank=True)
    email_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    phone_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    full_name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=5, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    token_version = models.PositiveIntegerField(default=1, editable=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(_("may use the admin"), default=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    provider_id: int | None = None
    roles: frozenset[str] = frozenset()
    company_suspended: bool = False  # the active one: `fleets.suspension`
    suspended_companies: frozenset[int] | None = None  # loaded with the row: fleets.selectors
    standing_roles: list[tuple[int, str, bool]] | None = None  # loaded with the row: selectors
    own_permissions: frozenset[str] | None = None  # likewise: not from a role at a provider
    second_factor_at: datetime | None = None  # shown on this log-in; set per request
    second_factor_demands: frozenset[int] | None = None  # providers that ask for one: selectors
    log_in: UUID | None = None  # the family of the token of this request
    _role_permissions: set[str] | None = None

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                name="fleets_user_has_login",
                condition=Q(email__isnull=False) | Q(phone__isnull=False),
            ),
            models.CheckConstraint(
                name="fleets_user_email_lower",
                condition=Q(email__isnull=True) | Q(email=Lower("email")),
            ),
            models.CheckConstraint(
                name="fleets_user_phone_e164",
                condition=Q(phone__isnull=True) | Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"),
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email or self.phone or str(self.pk)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Browser sessions end with the password, as Django has it, and with the token version."""
        stamp = f"{self.password}:{self.token_version}"
        return salted_hmac("fleets.session", stamp, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0] if self.full_name else str(self)

    def use_provider(
        self, provider_id: int | None, roles: frozenset[str], *, suspended: bool = False
    ) -> None:
        """Fix the active provider and the roles held there, for this request."""
        self.provider_id = provider_id
        self.company_suspended = suspended
        self.roles = roles
        self._role_permissions = None

    def activate(self, request: HttpRequest) -> None:
        """Fix the active provider that an API request names; see `fleets.principals`."""
        from fleets.principals import activate_person  # reads models: not at the top

        activate_person(self, request)

    def counted_as(self) -> list[tuple[str, Any]]:
        """A person's calls count for them, and for the device that they are logged in on."""
        own: list[tuple[str, Any]] = [("account", self.pk)]
        return own if self.log_in is None else [*own, ("device", self.log_in)]

    def actor(self) -> Actor:
        return Actor("user", self.pk, self.provider_id, second_factor_at=self.second_factor_at)


class Role(models.TextChoices):
    OWNER = "owner", _("owner")
    MANAGER = "manager", _("manager")
    DISPATCHER = "dispatcher", _("dispatcher")
    ACCOUNTANT = "accountant", _("accountant")
    SUPPORT = "support", _("support")
    VIEWER = "viewer", _("viewer")


class Membership(ProviderModel):
    """A person's role at a provider; ended, never deleted.

    Until the person has taken the invitation up (`joined_at`), the company is shown what it typed
    itself and nothing of who they are: known and unknown people look alike.
    """

    provider = models.ForeignKey("fleets.FleetProvider", models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)
    invited_name = models.CharField(max_length=120, blank=True, default="", db_default="")
    joined_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["user", "provider"],
                condition=Q(ended_at__isnull=True),
                name="fleets_membership_one_per_provider",
            ),
            models.CheckConstraint(
                name="fleets_membership_role_known", condition=Q(role__in=Role.values)
            ),
        ]

    def __str__(self) -> str:
        who = self.invited_name if self.joined_at is None else told(self, "user")
        return f"{who}, {self.get_role_display()} at {told(self, 'provider')}"

    @property
    def shown_name(self) -> str:
        """The person's own name once they have joined, before what the company typed."""
        return self.invited_name if self.joined_at is None else self.user.full_name
