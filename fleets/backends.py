"""Django's permission check, resolved for the active provider.

A person's permissions are those of the groups of the roles held at the *active* provider, plus
those of platform groups the person is really in. Without an active provider there are only the
latter. One mechanism for admin, API and jobs.

What roles hold changes with the code, so each process remembers it for some seconds.
"""

import time
from collections import defaultdict
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from fleets.errors import InvalidCredentials, TooManyAttempts
from fleets.models import User
from fleets.roles import ALL_ROLES, group_name
from fleets.services import auth
from fleets.suspension import kept_while_suspended
from voltop.addresses import client_address


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
        address = client_address(request) if request else "unknown"
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
        if user.is_superuser:
            return _names(Permission.objects.all())
        own = user.own_permissions
        if own is None:
            mine = Q(group__user=user) | Q(user=user)
            own = frozenset(_names(Permission.objects.filter(mine)))
        granted = granted_by_role()
        by_role = {name for role in user.roles for name in granted.get(role, ())}
        return {*own, *(kept_while_suspended(by_role) if user.company_suspended else by_role)}


def _names(permissions: QuerySet[Permission]) -> set[str]:
    pairs = permissions.values_list("content_type__app_label", "codename").order_by()
    return {f"{label}.{codename}" for label, codename in pairs}


_known: tuple[float, dict[str, frozenset[str]]] = (0.0, {})


def granted_by_role() -> dict[str, frozenset[str]]:
    """What each role's group holds; kept by the process for some seconds.

    The groups are seeded from code. What a person *is* at a provider is never kept: it is read
    with each request.
    """
    global _known
    until, granted = _known
    if time.monotonic() >= until:
        groups = Group.objects.filter(name__in=map(group_name, ALL_ROLES))
        rows = groups.values_list(
            "name", "permissions__content_type__app_label", "permissions__codename"
        )
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, label, codename in rows:
            found[name].add(f"{label}.{codename}")
        granted = {role: frozenset(found[group_name(role)]) for role in ALL_ROLES}
        _known = (time.monotonic() + settings.ROLE_CACHE_S, granted)
    return granted
