"""People and the roles they hold."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from fleets import audit
from fleets.errors import AlreadyMember, LastOwner
from fleets.models import FleetProvider, Membership, Role, User
from fleets.services.providers import require_room
from voltop import clock
from voltop.context import Actor


@transaction.atomic
def create_user(
    *,
    actor: Actor,
    full_name: str,
    email: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    language: str = "en",
    is_staff: bool = False,
    at: datetime | None = None,
) -> User:
    """The user with this log-in name, made when there is none yet.

    A known one is returned unchanged, so that inviting answers alike for known and unknown people.
    """
    at = at or clock.now()
    email = email.lower() if email else None
    known = User.objects.filter(email=email).first() if email else None
    known = known or (User.objects.filter(phone=phone).first() if phone else None)
    if known is not None:
        return known
    user = User.objects.create_user(
        email,
        password,
        phone=phone,
        full_name=full_name,
        language=language,
        is_staff=is_staff,
    )
    audit.record("user.created", user, actor=actor, at=at)
    return user


@transaction.atomic
def add_member(
    provider: FleetProvider,
    user: User,
    *,
    actor: Actor,
    role: str,
    at: datetime | None = None,
) -> Membership:
    """Give a person a role at the provider; provider people may use the admin.

    Raises LimitReached, ProviderNotActive, AlreadyMember (409).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    standing = Membership.objects.for_provider(provider.pk).filter(ended_at__isnull=True)
    require_room(provider.pk, "max_users", standing)
    if standing.filter(user=user).exists():
        raise AlreadyMember()
    membership = Membership.objects.create(provider=provider, user=user, role=Role(role))
    if not user.is_staff:
        User.objects.filter(pk=user.pk).update(is_staff=True)
    audit.record(
        "membership.created", membership, actor=actor, at=at, changes={"role": (None, role)}
    )
    return membership


@transaction.atomic
def invite_member(
    provider: FleetProvider,
    *,
    actor: Actor,
    email: str,
    full_name: str,
    role: str,
    at: datetime | None = None,
) -> Membership:
    """Give a role to the person with this e-mail address, known to Voltop or not."""
    at = at or clock.now()
    user = create_user(actor=actor, full_name=full_name, email=email, at=at)
    return add_member(provider, user, actor=actor, role=role, at=at)


@transaction.atomic
def change_role(
    membership: Membership, *, actor: Actor, role: str, at: datetime | None = None
) -> Membership:
    """Another role from now on; the person's tokens end at once. Raises LastOwner (409)."""
    at = at or clock.now()
    actor.require_same_provider(membership)
    membership = _locked(membership)
    if membership.role == role:
        return membership
    _require_other_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(role=Role(role))
    User.objects.filter(pk=membership.user_id).update(token_version=F("token_version") + 1)
    audit.record(
        "membership.changed",
        membership,
        actor=actor,
        at=at,
        changes={"role": (membership.role, role)},
    )
    membership.refresh_from_db()
    return membership


@transaction.atomic
def end_membership(
    membership: Membership, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Membership:
    """Take the role away; the person's tokens end at once. Ending twice changes nothing.

    Raises LastOwner (409).
    """
    at = at or clock.now()
    actor.require_same_provider(membership)
    membership = _locked(membership)
    if membership.ended_at is not None:
        return membership
    _require_other_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(ended_at=at)
    User.objects.filter(pk=membership.user_id).update(token_version=F("token_version") + 1)
    audit.record("membership.ended", membership, actor=actor, at=at, reason=reason)
    membership.refresh_from_db()
    return membership


def _locked(membership: Membership) -> Membership:
    """The membership, with its provider locked first so that two owners cannot leave at once."""
    FleetProvider.objects.select_for_update(no_key=True).get(pk=membership.provider_id)
    return Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)


def _require_other_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.for_provider(membership.provider_id).filter(
        role=Role.OWNER, ended_at__isnull=True
    )
    if not others.exclude(pk=membership.pk).exists():
        raise LastOwner()
