"""For whom a request speaks, and at which provider.

A principal is a `fleets.User` or a `ClientPrincipal`. Both answer `has_perm`, `actor` and
`activate`; the latter fixes the one active provider of the request, never "all".
"""

from typing import Any

from django.http import HttpRequest

from fleets import scopes
from fleets.errors import ProviderRequired, SecondFactorMissing
from fleets.models import ApiAccessToken, FleetProvider, FleetProviderStatus, User
from fleets.selectors import is_suspended, second_factor_demanded, standing_of
from fleets.suspension import kept_while_suspended
from voltop.context import Actor
from voltop.errors import NotFound

PROVIDER_HEADER = "HTTP_X_VOLTOP_PROVIDER"


def named_provider(request: HttpRequest) -> int | None:
    """The provider id in X-Voltop-Provider; what is no id names no provider of anyone's: 404."""
    named = request.META.get(PROVIDER_HEADER)
    if named is None:
        return None
    if not (named.isascii() and named.isdigit() and len(named) <= 18):
        raise NotFound()
    return int(named)


def activate_person(user: User, request: HttpRequest) -> None:
    """The provider the person named, else the only one they have joined or else are invited to.

    Whoever acts at a company has taken its invitation up. Platform staff may name any. Raises
    ProviderRequired (403) when none is named and there is not exactly one; NotFound (404) for a
    provider that is not theirs, which may not even exist; SecondFactorMissing (403) where one is
    demanded and this log-in was made without.
    """
    activate_at(user, named_provider(request))


def activate_at(user: User, provider_id: int | None) -> None:
    """The same for a provider known by its id, or None where none was named."""
    from fleets.services import invitations  # services ask who acts: not at the top

    standing = standing_of(user)
    roles = standing.roles
    if provider_id is None:
        if len(standing.choices) != 1:
            raise ProviderRequired()
        [provider_id] = standing.choices
    if provider_id not in roles and not _may_enter_any(user, provider_id):
        raise NotFound()
    suspended = is_suspended(user, provider_id)
    user.use_provider(provider_id, roles.get(provider_id, frozenset()), suspended=suspended)
    if user.second_factor_at is None and second_factor_demanded(user, provider_id):
        raise SecondFactorMissing()
    if provider_id in standing.invited:
        invitations.take_up(user, provider_id)


def _may_enter_any(user: User, provider_id: int) -> bool:
    return (
        user.has_perm("fleets.view_all_providers")
        and FleetProvider.objects.filter(pk=provider_id).exists()
    )


class ClientPrincipal:
    """An integrator's program, as far as its token's scopes reach."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, token: ApiAccessToken) -> None:
        self.client = token.application
        self.id = self.pk = self.client.pk
        self.scopes = frozenset(token.scope.split()) & frozenset(self.client.scopes)
        self.provider_id: int | None = None

    def __str__(self) -> str:
        return self.client.name

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        permissions = scopes.permissions_of(self.scopes)
        if self.client.provider.status == FleetProviderStatus.SUSPENDED:
            permissions = frozenset(kept_while_suspended(permissions))
        return perm in permissions

    def activate(self, request: HttpRequest) -> None:
        """A client serves its own provider; naming another is 404."""
        named = named_provider(request)
        if named not in (None, self.client.provider_id):
            raise NotFound()
        self.provider_id = self.client.provider_id

    def counted_as(self) -> list[tuple[str, Any]]:
        return [("client", self.client.pk)]

    def actor(self) -> Actor:
        return Actor("client", self.client.pk, self.provider_id, self.client.name)
