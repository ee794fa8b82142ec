"""Reads that join fleets' models: which roles a person holds, and where."""

from collections import defaultdict

from fleets.models import FleetProvider, FleetProviderStatus, Membership, User
from voltop import registry
from voltop.context import Actor
from voltop.errors import NotFound


def roles_of(user: User) -> dict[int, frozenset[str]]:
    """Roles by provider id: standing memberships, and records other apps let the user in by.

    Closed providers are left out: nobody works there any more.
    """
    found: defaultdict[int, set[str]] = defaultdict(set)
    memberships = (
        Membership.objects.unscoped()
        .filter(user_id=user.pk, ended_at__isnull=True)
        .exclude(provider__status=FleetProviderStatus.CLOSED)
    )
    for provider_id, role in memberships.values_list("provider_id", "role"):
        found[provider_id].add(role)
    for function in registry.collect(registry.USER_ROLES).values():
        for provider_id, role in function(user):
            found[provider_id].add(role)
    return {provider_id: frozenset(roles) for provider_id, roles in sorted(found.items())}


def active_provider(actor: Actor) -> FleetProvider:
    """The provider that the actor acts for. Raises NotFound where there is none."""
    provider = FleetProvider.objects.filter(pk=actor.provider_id).first()
    if provider is None:
        raise NotFound()
    return provider


def providers_of(user: User) -> list[FleetProvider]:
    """The companies a person may work for, by name."""
    return list(FleetProvider.objects.filter(pk__in=roles_of(user)).order_by("name"))
