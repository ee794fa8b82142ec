"""Who answers drivers at a company, and who is called when an answer is late."""

from collections.abc import Collection

from fleets.models import Membership, Role, User

ANSWERING_ROLES = (Role.OWNER, Role.MANAGER, Role.DISPATCHER, Role.ACCOUNTANT, Role.SUPPORT)


def answers_here(user: User, provider_id: int) -> bool:
    """Whether the person may be given a conversation of the company."""
    joined = Membership.objects.for_provider(provider_id).filter(
        user=user, ended_at__isnull=True, joined_at__isnull=False, role__in=ANSWERING_ROLES
    )
    return joined.exists()


def desk_of(provider_id: int) -> list[User]:
    """Who looks after conversations that nobody has taken: support, else who leads."""
    return with_roles(provider_id, [Role.SUPPORT]) or leads_of(provider_id)


def leads_of(provider_id: int) -> list[User]:
    """Managers and owners."""
    return with_roles(provider_id, [Role.MANAGER, Role.OWNER])


def with_roles(provider_id: int, roles: Collection[str]) -> list[User]:
    """The people who hold one of the roles now and have joined, in the order in which they came."""
    joined = Membership.objects.for_provider(provider_id).filter(
        ended_at__isnull=True, joined_at__isnull=False, role__in=roles, user__is_active=True
    )
    return [row.user for row in joined.select_related("user").order_by("pk")]
