"""Django's permission check, resolved for the active provider.

A person's permissions are those of the groups of the roles held at the *active* provider, plus
those of platform groups the person is really in. Without an active provider there are only the
latter. One mechanism for admin, API and jobs.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.http import HttpRequest

from fleets import limits
from fleets.errors import InvalidCredentials, TooManyAttempts
from fleets.models import User
from fleets.roles import group_name
from fleets.services import auth


class ProviderRoleBackend(ModelBackend):
    """E-mail or phone plus password; permissions by role at the active provider."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Who logs in to the admin: under the same limits, at the same cost, as in the API."""
        if username is None or password is None:
            return None
        address = limits.client_address(request) if request else "unknown"
        try:
            return auth.identify(
                login=username, password=password, address=address, device=auth.Device()
            )
        except (InvalidCredentials, TooManyAttempts):
            return None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_active or obj is not None:
            return set()
        if user_obj._role_permissions is None:
            user_obj._role_permissions = self._load(user_obj)
        return user_obj._role_permissions

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return user_obj.is_active and perm in self.get_all_permissions(user_obj, obj)

    def _load(self, user: User) -> set[str]:
        permissions = Permission.objects.all()
        if not user.is_superuser:
            names = [group_name(role) for role in user.roles]
            permissions = permissions.filter(
                Q(group__name__in=names) | Q(group__user=user) | Q(user=user)
            )
        pairs = permissions.values_list("content_type__app_label", "codename").order_by()
        return {f"{label}.{codename}" for label, codename in pairs}
