"""Reads that join fleets' models: which roles a person holds, and where."""

import json
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db.models import Model, QuerySet

from fleets import country_packs, scopes, tokens
from fleets.models import (
    ApiAccessToken,
    ApiClient,
    Depot,
    FleetProvider,
    FleetProviderStatus,
    Membership,
    RefreshFamily,
    User,
)
from fleets.models.providers import BEGINNING
from fleets.roles import group_name
from voltop import clock, events, registry
from voltop.context import Actor
from voltop.errors import NotFound

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person may work: roles by provider id.

    `joined` are those of the companies whose invitation they have taken up, `invited` those where
    a membership or a record of another app waits for that.
    """

    roles: dict[int, frozenset[str]]
    joined: frozenset[int]
    invited: frozenset[int]

    @property
    def choices(self) -> list[int]:
        """The companies that a request which names none may mean.

        An invitation elsewhere does not count: nobody's work is disturbed by inviting them.
        """
        return [pk for pk in self.roles if pk in self.joined] or list(self.roles)

    def only_invited_to(self, provider_id: int | None) -> bool:
        """Whether the company has the person's name on a list, and nothing more."""
        return provider_id in self.invited and provider_id not in self.joined


def standing_of(user: User) -> Standing:
    """Standing memberships, and records other apps let the user in by.

    Closed providers are left out: nobody works there any more.
    """
    memberships = user.standing_roles
    if memberships is None:
        rows = _standing().filter(user_id=user.pk).values_list("provider_id", "role", "joined_at")
        memberships = [(provider_id, role, at is not None) for provider_id, role, at in rows]
    found: defaultdict[int, set[str]] = defaultdict(set)
    joined: set[int] = set()
    invited: set[int] = set()
    records = [row for f in registry.collect(registry.USER_ROLES).values() for row in f(user)]
    for provider_id, role, has_joined in (*memberships, *records):
        found[provider_id].add(role)
        (joined if has_joined else invited).add(provider_id)
    return Standing(
        roles={provider_id: frozenset(roles) for provider_id, roles in sorted(found.items())},
        joined=frozenset(joined),
        invited=frozenset(invited),
    )


def roles_of(user: User) -> dict[int, frozenset[str]]:
    """Roles by provider id; see `standing_of`."""
    return standing_of(user).roles


def second_factor_demanded(user: User, provider_id: int | None) -> bool:
    """Whether the person must have shown a second factor to act there.

    For roles of staff the provider's policy says it, for platform staff the deployment.
    """
    demands = user.second_factor_demands
    if demands is None:
        rows = _standing().filter(user_id=user.pk)
        named = rows.values_list("provider_id", "role", "provider__policy__second_factor_roles")
        demands = frozenset(p for p, role, wanted in named if role in (wanted or ()))
        user.second_factor_demands = demands
    if provider_id in demands:
        return True
    return settings.SECOND_FACTOR_FOR_PLATFORM and user.has_perm("fleets.view_all_providers")


def is_suspended(user: User, provider_id: int) -> bool:
    """Whether the company is suspended; of a person from a token, known with the row."""
    if user.suspended_companies is None:
        return FleetProvider.objects.filter(
            pk=provider_id, status=FleetProviderStatus.SUSPENDED
        ).exists()
    return provider_id in user.suspended_companies


def of_beginning_companies(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those of the rows whose company may begin something new: what a job that begins goes by.

    Most jobs end or count something and ask nobody; which is which: docs/operations.md.
    """
    beginning = FleetProvider.objects.filter(status__in=BEGINNING)
    return rows.filter(provider_id__in=beginning.values("pk"))


def may_at(user: User, provider_id: int, permission: str) -> bool:
    """Whether the person has a permission ("app.codename") at a provider, the active one or not.

    Platform staff have it everywhere. For what concerns two companies at once; everything else
    asks `user.has_perm`.
    """
    if user.has_perm("fleets.view_all_providers"):
        return True
    label, _, codename = permission.partition(".")
    groups = [group_name(role) for role in roles_of(user).get(provider_id, ())]
    granted = Permission.objects.filter(
        group__name__in=groups, content_type__app_label=label, codename=codename
    )
    return granted.exists()


def actor_may(actor: Actor, permission: str) -> bool:
    """Whether the one who acts has a permission now: for work done later in somebody's name.

    The platform's own jobs and commands may; a person by their roles at the actor's provider, a
    client by its scopes, unless it is revoked.
    """
    if actor.kind == "system":
        return True
    if actor.kind == "user":
        user = User.objects.filter(pk=actor.id or 0, is_active=True).first()
        return user is not None and may_at(user, actor.provider_id or 0, permission)
    clients = ApiClient.objects.for_provider(actor.provider_id)
    client = clients.filter(pk=actor.id or 0, revoked_at__isnull=True).first()
    return client is not None and permission in scopes.permissions_of(client.scopes)


def active_provider(actor: Actor) -> FleetProvider:
    """The provider that the actor acts for. Raises NotFound where there is none."""
    provider = FleetProvider.objects.filter(pk=actor.provider_id or 0).first()
    if provider is None:
        raise NotFound()
    return provider


def _standing() -> QuerySet[Membership]:
    return (
        Membership.objects.unscoped()
        .filter(ended_at__isnull=True)
        .exclude(provider__status=FleetProviderStatus.CLOSED)
    )


# Written out, not composed: Django takes four milliseconds to build it, at every request.
_PERSON = """
SELECT u.*, family.second_factor_at AS shown_at,
  (
    SELECT coalesce(jsonb_agg(jsonb_build_array(
      m.provider_id, m.role, m.joined_at IS NOT NULL, coalesce(policy.second_factor_roles, '[]')
    ) ORDER BY m.id), '[]')
    FROM fleets_membership m
    JOIN fleets_fleetprovider provider ON provider.id = m.provider_id
    LEFT JOIN fleets_fleetpolicy policy ON policy.provider_id = m.provider_id
    WHERE m.user_id = u.id AND m.ended_at IS NULL AND provider.status <> %(closed)s
  ) AS role_rows,
  ARRAY(
    SELECT type.app_label || '.' || permission.codename
    FROM (
      SELECT permission_id FROM fleets_user_user_permissions WHERE user_id = u.id
      UNION
      SELECT held.permission_id FROM fleets_user_groups mine
      JOIN auth_group_permissions held ON held.group_id = mine.group_id
      WHERE mine.user_id = u.id
    ) own
    JOIN auth_permission permission ON permission.id = own.permission_id
    JOIN django_content_type type ON type.id = permission.content_type_id
  ) AS own_pairs,
  ARRAY(SELECT id FROM fleets_fleetprovider WHERE status = %(suspended)s) AS suspended_ids
FROM fleets_user u
JOIN fleets_refreshfamily family ON family.user_id = u.id
WHERE u.id = %(user)s AND u.token_version = %(version)s AND u.is_active
  AND family.key = %(family)s AND family.revoked_at IS NULL AND family.expires_at > %(now)s
"""


def load_person(user_id: int, token_version: int, family: uuid.UUID) -> User | None:
    """The person an access token speaks for, if it still holds: one query, roles included.

    It holds while the person is not disabled, the token version is the row's, and the log-in it
    came from has neither been ended nor run out.
    """
    values = {
        "user": user_id,
        "version": token_version,
        "family": family,
        "now": clock.now(),
        "closed": FleetProviderStatus.CLOSED.value,
        "suspended": FleetProviderStatus.SUSPENDED.value,
    }
    user = next(iter(User.objects.raw(_PERSON, values)), None)
    if user is not None:
        roles = json.loads(user.role_rows)
        user.standing_roles = [(pk, role, joined) for pk, role, joined, _demanding in roles]
        user.own_permissions = frozenset(user.own_pairs)
        user.suspended_companies = frozenset(user.suspended_ids)
        user.log_in = family
        user.second_factor_at = user.shown_at
        user.second_factor_demands = frozenset(
            provider_id for provider_id, role, _joined, demanding in roles if role in demanding
        )
    return user


def living_log_ins(user: User) -> list[RefreshFamily]:
    """Where the person is logged in, last used first."""
    living = RefreshFamily.objects.filter(
        user=user, revoked_at__isnull=True, expires_at__gt=clock.now()
    )
    return list(living.order_by("-last_used_at", "-pk"))


def load_client_token(raw: str) -> ApiAccessToken | None:
    """The living token of an API client that is not revoked, with client and provider."""
    return (
        ApiAccessToken.objects.unscoped()
        .select_related("application__provider")
        .filter(
            token_checksum=tokens.hash_token(raw),
            expires__gt=clock.now(),
            application__revoked_at__isnull=True,
        )
        .exclude(application__provider__status=FleetProviderStatus.CLOSED)
        .first()
    )


def depot_named(provider_id: int, name: str) -> int | None:
    """The id of the company's depot of this name, in any case; None without exactly one."""
    standing = Depot.objects.for_provider(provider_id).filter(retired_at__isnull=True)
    found = list(standing.filter(name__iexact=name).values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


def sandbox_ids() -> QuerySet[Any]:
    """The ids of companies for tests, closed ones too."""
    return FleetProvider.objects.filter(sandbox_of__isnull=False).values("pk")


def providers_of(user: User) -> list[FleetProvider]:
    """The companies a person may work for, by name."""
    return list(FleetProvider.objects.filter(pk__in=roles_of(user)).order_by("name"))


def oldest_event(actor: Actor) -> int:
    """The lowest number of the actor's company that the feed of events still holds."""
    return events.oldest_kept(actor.provider_id or 0)


def payslips_kept_days(provider: FleetProvider) -> int:
    """The fewest days after which somebody who left may be erased, by the law of the country."""
    return country_packs.payslips_kept_days(provider.country)
