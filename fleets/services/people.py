"""People and the roles they hold."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import F

from fleets import audit, sandboxes
from fleets.errors import AlreadyMember, LastOwner
from fleets.models import FleetProvider, Membership, Role, User
from fleets.selectors import standing_of
from fleets.services import invitations
from fleets.services.providers import require_room
from voltop import clock, crypto
from voltop.api.database_errors import UNIQUE, sqlstate
from voltop.context import Actor
from voltop.errors import LockBusy, NotFound

ATTEMPTS = 3
"""How often somebody else may make the same person first."""


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

    A known one is returned unchanged, so that inviting answers alike for known and unknown people,
    also where another company invites the same person at this moment.
    Raises SandboxAddress (400), LockBusy (503).
    """
    at = at or clock.now()
    email, phone = sandboxes.own_names(actor.provider_id, email.lower() if email else None, phone)
    for _attempt in range(ATTEMPTS):
        known = _known(email, phone)
        if known is not None:
            return known
        try:
            with transaction.atomic():
                user = User.objects.create_user(
                    email,
                    password,
                    phone=phone,
                    full_name=full_name,
                    language=language,
                    is_staff=is_staff,
                )
        except IntegrityError as error:
            if sqlstate(error) != UNIQUE:
                raise
        else:
            unseen = replace(actor, provider_id=None)  # a company would learn who was known
            audit.record("user.created", user, actor=unseen, at=at)
            return user
    raise LockBusy(retry_after_s=1)


def _known(email: str | None, phone: str | None) -> User | None:
    """Who has this e-mail, or else this phone, as a log-in name.

    A name that nobody has proven to own yet, beside another one, is no proof of who somebody is:
    a company could have typed a stranger's e-mail beside a phone of its own, and would be let in
    wherever the stranger is invited next. Such a name is taken off that user and is free again.
    """
    for field, value in (("email", email), ("phone", phone)):
        if not value:
            continue
        user = User.objects.select_for_update(no_key=True).filter(**{field: value}).first()
        if user is None:
            continue
        other = user.phone if field == "email" else user.email
        if other and getattr(user, f"{field}_verified_at") is None:
            User.objects.filter(pk=user.pk).update(**{field: None})
            continue
        return user
    return None


@transaction.atomic
def forget_user(
    user: User,
    *,
    actor: Actor,
    names: Collection[str] = (),
    full_name: str = "",
    at: datetime | None = None,
) -> User | None:
    """Empty a person's log-in and end it, where nothing holds it but what was just erased.

    Whoever has joined a company, or runs the platform, keeps it. A company's invitation that they
    have not taken up keeps nothing of what was erased and is not ended by it either: it is for the
    address alone again, as for somebody who was never known. Returned is that new log-in, if
    a membership waits or a record of another app, whose log-in `names` and `full_name` are given;
    they are invited anew (`invitations.invite`), to a record of another app by the caller.
    """
    at = at or clock.now()
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    member = Membership.objects.unscoped().filter(user=user, ended_at__isnull=True)
    if user.is_superuser or user.groups.exists() or member.filter(joined_at__isnull=False).exists():
        return None
    waiting = list(member.select_related("provider"))
    named = {name for name in (user.email, user.phone) if name and (waiting or name in names)}
    email, phone, language = user.email, user.phone, user.language
    crypto.destroy(f"fleets.user:{user.pk}", None)
    User.objects.filter(pk=user.pk).update(
        full_name="",
        email=f"erased-{user.pk}@voltop.invalid",
        phone=None,
        password=make_password(None),
        is_active=False,
        token_version=F("token_version") + 1,
    )
    audit.record("user.forgotten", user, actor=actor, at=at)
    if not named:
        return None
    new = User.objects.create_user(
        email if email in named else None,
        phone=phone if phone in named else None,
        full_name=waiting[0].invited_name if waiting else full_name,
        language=language,
        is_staff=bool(waiting),
    )
    audit.record("user.created", new, actor=replace(actor, provider_id=None), at=at)
    for membership in waiting:
        Membership.objects.filter(pk=membership.pk).update(user=new)
        invitations.invite(new, membership.provider, actor=actor, at=at)
    return new


@transaction.atomic
def add_member(
    provider: FleetProvider,
    user: User,
    *,
    actor: Actor,
    role: str,
    invited_as: str | None = None,
    at: datetime | None = None,
) -> Membership:
    """Give a person a role at the provider; provider people may use the admin.

    `invited_as` is the name that the company typed for somebody who has yet to take it up
    (`invitations.take_up`); without, they have joined at once.
    Raises LimitReached, ProviderNotActive, AlreadyMember (409), SandboxAddress (400).
    """
    at = at or clock.now()
    actor.require_same_provider(provider)
    sandboxes.require_apart(provider, user)
    standing = Membership.objects.for_provider(provider.pk).filter(ended_at__isnull=True)
    require_room(provider.pk, "max_users", standing)
    if standing.filter(user=user).exists():
        raise AlreadyMember()
    membership = Membership.objects.create(
        provider=provider,
        user=user,
        role=Role(role),
        invited_name=invited_as or "",
        joined_at=at if invited_as is None else None,
    )
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
    """Give a role to the person with this e-mail address, known to Voltop or not, and tell them."""
    at = at or clock.now()
    language = provider.language
    user = create_user(actor=actor, full_name=full_name, email=email, language=language, at=at)
    membership = add_member(provider, user, actor=actor, role=role, invited_as=full_name, at=at)
    invitations.invite(user, provider, actor=actor, at=at)
    return membership


def invite_member_again(
    membership: Membership, *, actor: Actor, at: datetime | None = None
) -> Membership:
    """Send a member another invitation; the one before ends. Raises TooManyAttempts (429)."""
    actor.require_same_provider(membership)
    if membership.ended_at is not None:
        raise NotFound()
    invitations.invite_again(membership, actor=actor, at=at)
    return membership


@transaction.atomic
def change_role(
    membership: Membership, *, actor: Actor, role: str, at: datetime | None = None
) -> Membership:
    """Another role from the next request on; the person's tokens end at once (`_end_tokens`).

    Raises NotFound (404) for a membership that has ended, LastOwner (409).
    """
    at = at or clock.now()
    actor.require_same_provider(membership)
    membership = _locked(membership)
    if membership.ended_at is not None:
        raise NotFound()
    if membership.role == role:
        return membership
    _require_other_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(role=Role(role))
    _end_tokens(membership)
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
    """Take the role away; the person's tokens end at once (`_end_tokens`). Twice changes nothing.

    Raises LastOwner (409).
    """
    at = at or clock.now()
    actor.require_same_provider(membership)
    membership = _locked(membership)
    if membership.ended_at is not None:
        return membership
    _require_other_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(ended_at=at)
    _end_tokens(membership)
    audit.record("membership.ended", membership, actor=actor, at=at, reason=reason)
    membership.refresh_from_db()
    return membership


def _locked(membership: Membership) -> Membership:
    """The membership, with its provider locked first so that two owners cannot leave at once."""
    FleetProvider.objects.select_for_update(no_key=True).get(pk=membership.provider_id)
    return Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)


def _end_tokens(membership: Membership) -> None:
    """End tokens and browser sessions of somebody who works for this company alone.

    Roles are read with every request, so nothing rests on it. A company could otherwise put out
    whoever works for others or has not joined, by inviting them and changing their role as often
    as it likes.
    """
    if membership.joined_at is None:
        return
    if standing_of(membership.user).joined <= {membership.provider_id}:
        User.objects.filter(pk=membership.user_id).update(token_version=F("token_version") + 1)


def _require_other_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    others = Membership.objects.for_provider(membership.provider_id).filter(
        role=Role.OWNER, ended_at__isnull=True
    )
    if not others.exclude(pk=membership.pk).exists():
        raise LastOwner()
