"""Who may call an operation: one permission of Django's per action, named by the view.

`view.permissions` maps each action (or, for plain views, each method in lower case) to a codename
like "fleets.view_depot", to SIGNED_IN (any caller with credentials), to PERSON (no client and no
source: what concerns one's own account) or to ANYONE (none needed: log in, schema). The check
comes before any object is looked up, so it says nothing about objects.
Not here: what a role holds (`fleets.roles`), and whose rows are seen (`viewsets`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from voltop import registry
from voltop.context import Actor
from voltop.errors import PermissionDenied

if TYPE_CHECKING:
    from voltop.api.views import StrictView

SIGNED_IN: Final = "signed in"
PERSON: Final = "person"
ANYONE: Final = "anyone"


class Principal(Protocol):
    """What `request.user` must be able to do: a person, an API client or a telemetry source."""

    is_authenticated: bool
    provider_id: int | None

    def activate(self, request: HttpRequest) -> None:
        """Fix the active provider from the request. Raises ProviderRequired (403), NotFound."""

    def has_perm(self, perm: str) -> bool: ...

    def actor(self) -> Actor: ...

    def counted_as(self) -> Sequence[tuple[str, Any]]:
        """The names under which calls are counted, each with whose: `voltop.api.rates`."""


class OperationPermission(BasePermission):
    """The caller holds the permission of the action at the active provider."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = permission_of(view)
        if needed in (ANYONE, SIGNED_IN):
            return True
        caller = cast(Principal, request.user)
        if needed == PERSON:
            if caller.actor().kind != "user":
                raise PermissionDenied()
            return True
        if not caller.has_perm(needed):
            raise PermissionDenied(permission=needed, **_what_would_help(caller, needed))
        return True


def scopes_that_open(permission: str) -> list[str]:
    """The scopes of API clients that each open "app.codename" on their own."""
    module, _, codename = permission.partition(".")
    declared = registry.collect(registry.API_SCOPES).get(module, dict)()
    return sorted(scope for scope, codenames in declared.items() if codename in codenames)


def _what_would_help(caller: Principal, needed: str) -> dict[str, Any]:
    """A program has no role: it is told which scope it lacks (none: nothing for programs)."""
    is_program = caller.actor().kind == "client"
    return {"scopes": scopes_that_open(needed)} if is_program else {}


def permission_of(view: "StrictView") -> str:
    """The permission that the view's present action needs."""
    return view.permissions[view.action or ""]


def require_complete(view_class: "type[StrictView]", actions: set[str]) -> None:
    """Refuse to route a view that names no permission for one of its actions."""
    for action in sorted(actions):
        needed = view_class.permissions.get(action, "")
        if needed not in (SIGNED_IN, PERSON, ANYONE) and needed.count(".") != 1:
            raise ImproperlyConfigured(
                f"{view_class.__module__}.{view_class.__name__}: no permission for {action!r}"
            )
