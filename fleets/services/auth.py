"""Logging in, staying logged in, and logging out.

Not here: what a token looks like (`fleets.tokens`), who a request speaks for
(`fleets.authentication`), integrators' clients (`fleets.services.api_clients`).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet

from fleets import audit, limits, tokens
from fleets.errors import InvalidCredentials, InvalidRefreshToken, WeakPassword, WrongPassword
from fleets.models import (
    ApiAccessToken,
    OneTimeCode,
    RefreshFamily,
    RefreshToken,
    RevokeReason,
    SocketTicket,
    User,
)
from fleets.querysets import login_name
from fleets.services import notices
from fleets.services.challenges import Begun
from voltop import clock, registry
from voltop.context import Actor
from voltop.errors import NotFound
from voltop.jobs import claim_run

REFRESH_IDLE = timedelta(days=30)
REFRESH_LONGEST = timedelta(days=180)
KEEP_ENDED = timedelta(days=30)
MAX_DEVICES = 50
MAX_PASSWORD_CHARS = 1024


@dataclass(frozen=True, slots=True)
class Device:
    """The phone or browser that logs in, as it names itself; the id is its own secret."""

    id: str = ""
    name: str = ""

    @property
    def hash(self) -> str:
        return tokens.hash_token(self.id) if self.id else ""


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str
    refresh_token: str
    expires_in_s: int
    refresh_expires_at: datetime


def log_in(
    *, login: str, password: str, address: str, device: Device, at: datetime | None = None
) -> TokenPair:
    """Tokens for a log-in name (e-mail in any case, or phone) and its password.

    The attempt takes its slots before anything is hashed. An unknown name, a wrong password, a
    person without one and a disabled person answer alike, after the same one hash. A device that
    this person has used before has slots of its own: a stranger's guesses do not shut it out.
    Raises InvalidCredentials, SecondFactorRequired, FaceRequired (401), TooManyAttempts (429).
    """
    at = at or clock.now()
    user = identify(login=login, password=password, address=address, device=device, at=at)
    return enter(user, device, at)


def identify(
    *, login: str, password: str, address: str, device: Device, at: datetime | None = None
) -> User:
    """The person to whom name and password belong: the one place where passwords are tried.

    Raises as `log_in` does.
    """
    at = at or clock.now()
    if len(password) > MAX_PASSWORD_CHARS:
        raise InvalidCredentials()
    limits.take(limits.LOGIN_ADDRESS, address, at=at)
    user = User.objects.with_login(login).first()
    key = _account_key(user, login, device)
    limits.take(limits.LOGIN_ACCOUNT, key, at=at)
    if not _password_matches(user, password) or user is None or not user.is_active:
        raise InvalidCredentials()
    limits.give_back(limits.LOGIN_ADDRESS, address, at=at)
    limits.give_back(limits.LOGIN_ACCOUNT, key, at=at)
    return user


def _account_key(user: User | None, login: str, device: Device) -> str:
    """Whose slots an attempt takes: the known device's, else the person's, else the name's."""
    named = f"user:{user.pk}" if user else f"name:{login_name(login)}"
    return device_key(user, device) or named


def device_key(user: User | None, device: Device) -> str:
    """The slots of a device that this person has used before; empty for any other."""
    owner = user.pk if user else 0
    return f"device:{owner}:{device.hash}" if is_known_device(owner, device.hash) else ""


def is_known_device(user_id: int, device_hash: str) -> bool:
    """Whether this person has logged in on the device before (rows live `KEEP_ENDED` longer).

    A device that does not say which it is is never known.
    """
    known = RefreshFamily.objects.filter(user_id=user_id, device_hash=device_hash)
    return known.exclude(device_hash="").exists()


def _password_matches(user: User | None, password: str) -> bool:
    """One hash in every case, also where there is nobody to compare with."""
    if user is None:
        make_password(password)
        return False
    return user.check_password(password)


def enter(user: User, device: Device, at: datetime) -> TokenPair:
    """Let somebody in who has proven who they are, on this device.

    Raises SecondFactorRequired, FaceRequired (401) when there is more to prove, InvalidCredentials
    (401) when the person was disabled or changed the password meanwhile.
    """
    from fleets.services import second_factor  # stands on this module

    begun = Begun(user, device.name, device.hash)
    second_factor.require(begun)
    return go_on(begun, at)


def go_on(begun: Begun, at: datetime) -> TokenPair:
    """What follows the second factor: what higher apps ask for (`LOG_IN_STEPS`), then tokens."""
    for ask in registry.collect(registry.LOG_IN_STEPS).values():
        if (refusal := ask(begun, at)) is not None:
            raise refusal
    return finish(begun, at)


def finish(begun: Begun, at: datetime) -> TokenPair:
    """Tokens for somebody who has proven all there is to prove. Raises InvalidCredentials (401)."""
    shown_at = begun.second_factor_at
    return start(begun.user, begun.device_name, begun.device_hash, at, second_factor_at=shown_at)


@transaction.atomic
def start(
    user: User,
    device_label: str,
    device_hash: str,
    at: datetime,
    *,
    second_factor_at: datetime | None = None,
) -> TokenPair:
    """A new family with its first token, for somebody who has proven all there is to prove."""
    unchanged = User.objects.filter(pk=user.pk, is_active=True, token_version=user.token_version)
    if not unchanged.update(last_login=at):
        raise InvalidCredentials()  # password changed or person disabled while we were hashing
    is_new = _is_new_device(user, device_label, device_hash)
    _make_room(user, at)
    family = RefreshFamily.objects.create(
        user=user,
        device_label=device_label,
        device_hash=device_hash,
        last_used_at=at,
        expires_at=at + REFRESH_LONGEST,
        second_factor_at=second_factor_at,
    )
    if is_new:
        params = {"device": device_label or "–", "logged_in_at": at.isoformat()}
        notices.notify(user, "fleets.new_device", params, about=family, at=at)
    return _pair(user, family, _add_generation(family, 1, at), at)


def _is_new_device(user: User, label: str, device_hash: str) -> bool:
    """Whether this person has used other devices and never this one.

    Devices that do not say who they are are told apart by their names.
    """
    known = RefreshFamily.objects.filter(user=user)
    same = known.filter(device_hash=device_hash)
    if not device_hash:
        same = same.filter(device_label=label)
    return not same.exists() and known.exists()


def _make_room(user: User, at: datetime) -> None:
    """End the log-ins longest unused, so that a person has `MAX_DEVICES` at most."""
    live = RefreshFamily.objects.filter(user=user, revoked_at__isnull=True)
    kept = live.order_by("-last_used_at", "-pk").values("pk")[: MAX_DEVICES - 1]
    revoke(live.exclude(pk__in=list(kept.values_list("pk", flat=True))), RevokeReason.CROWDED, at)


def _add_generation(family: RefreshFamily, generation: int, at: datetime) -> RefreshToken:
    key = tokens.current_key()
    raw = tokens.derive_refresh(key, family=family.key, generation=generation)
    return RefreshToken.objects.create(
        family=family,
        generation=generation,
        token_hash=tokens.hash_token(raw),
        key_id=key.kid,
        expires_at=min(at + REFRESH_IDLE, family.expires_at),
    )


def _pair(user: User, family: RefreshFamily, token: RefreshToken, at: datetime) -> TokenPair:
    """The pair to hand out; the refresh token is derived again, it is stored nowhere."""
    key = tokens.keys()[token.key_id]
    return TokenPair(
        access_token=tokens.issue_access(
            user_id=user.pk, token_version=user.token_version, family=family.key, at=at
        ),
        refresh_token=tokens.derive_refresh(key, family=family.key, generation=token.generation),
        expires_in_s=tokens.ACCESS_LIFETIME_S,
        refresh_expires_at=token.expires_at,
    )


# --- Refresh -------------------------------------------------------------------------------------
def refresh(*, refresh_token: str, device: Device, at: datetime | None = None) -> TokenPair:
    """The next pair for a refresh token, which works once.

    The device that lost the answer gets the very same successor again, until that successor is
    used. Any other reuse (an older token, or another device) ends the family: whoever holds its
    tokens is logged out. Raises InvalidRefreshToken (401).
    """
    at = at or clock.now()
    token = RefreshToken.objects.filter(token_hash=tokens.hash_token(refresh_token)).first()
    pair = _rotate(token, device, at) if token else None
    if pair is None:  # raised out here, so that the end of a family is kept
        raise InvalidRefreshToken()
    return pair


@transaction.atomic
def _rotate(token: RefreshToken, device: Device, at: datetime) -> TokenPair | None:
    """Rotate, repeat, or end the family, under its row lock; None is a refusal.

    The newest token of a family is its one unused token.
    """
    family = (
        RefreshFamily.objects.select_for_update(no_key=True, of=("self",))
        .select_related("user")
        .get(pk=token.family_id)
    )
    if family.revoked_at is not None or not family.user.is_active:
        return None
    if family.device_hash and family.device_hash != device.hash:
        _end_for_reuse(family, at)
        return None
    if token.generation < family.generation - 1:
        _end_for_reuse(family, at)
        return None
    newest = family.tokens.get(generation=family.generation)
    if newest.expires_at <= at:
        return None
    if token.generation == newest.generation:
        newest = _use(family, newest, at)
    if tokens.keys().get(newest.key_id) is None:
        return None  # derived with a key that has been taken away since: log in again
    return _pair(family.user, family, newest, at)


def _use(family: RefreshFamily, token: RefreshToken, at: datetime) -> RefreshToken:
    """Mark the newest token used and add its one successor."""
    RefreshToken.objects.filter(pk=token.pk).update(used_at=at)
    RefreshFamily.objects.filter(pk=family.pk).update(
        generation=token.generation + 1, last_used_at=at
    )
    return _add_generation(family, token.generation + 1, at)


def _end_for_reuse(family: RefreshFamily, at: datetime) -> None:
    actor = Actor.system("fleets.auth")
    revoke(RefreshFamily.objects.filter(pk=family.pk), RevokeReason.REUSED, at)
    audit.record("login.ended", family, actor=actor, at=at, reason=RevokeReason.REUSED)


def revoke(families: QuerySet[RefreshFamily], reason: RevokeReason, at: datetime) -> int:
    """End those of the log-ins that have not ended yet; how many."""
    return families.filter(revoked_at__isnull=True).update(revoked_at=at, revoked_reason=reason)


# --- Logging out ---------------------------------------------------------------------------------
@transaction.atomic
def log_out(user: User, *, actor: Actor, family: uuid.UUID, at: datetime | None = None) -> None:
    """End one log-in, with its access tokens, now. Doing it twice changes nothing."""
    own = RefreshFamily.objects.filter(user=user, key=family)
    revoke(own, RevokeReason.LOGOUT, at or clock.now())


@transaction.atomic
def end_device(user: User, *, actor: Actor, key: uuid.UUID, at: datetime | None = None) -> None:
    """End one of one's own log-ins, on a phone that was lost, say. Twice changes nothing. Audited.

    Raises NotFound for a log-in that is not one's own.
    """
    at = at or clock.now()
    family = RefreshFamily.objects.filter(user=user, key=key).first()
    if family is None:
        raise NotFound()
    if revoke(RefreshFamily.objects.filter(pk=family.pk), RevokeReason.LOGOUT, at):
        audit.record("login.ended", family, actor=actor, at=at, reason=RevokeReason.LOGOUT)


@transaction.atomic
def log_out_everywhere(user: User, *, actor: Actor, at: datetime | None = None) -> int:
    """End all log-ins of a person now, browser sessions too; how many devices. Audited."""
    at = at or clock.now()
    end_access(user)
    ended = end_log_ins(user, reason=RevokeReason.LOGOUT_EVERYWHERE, at=at)
    audit.record("login.ended_everywhere", user, actor=actor, at=at)
    return ended


def end_log_ins(user: User, *, reason: RevokeReason, at: datetime | None = None) -> int:
    """End the log-ins of all devices, with their access tokens; returns how many there were."""
    return revoke(RefreshFamily.objects.filter(user=user), reason, at or clock.now())


@transaction.atomic
def end_log_in(
    family: RefreshFamily, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> RefreshFamily:
    """End somebody's log-in on one device now: for staff. Twice changes nothing. Audited."""
    at = at or clock.now()
    if revoke(RefreshFamily.objects.filter(pk=family.pk), RevokeReason.STAFF, at):
        audit.record("login.ended", family, actor=actor, at=at, reason=reason)
    family.refresh_from_db()
    return family


def end_access(user: User) -> None:
    """Make every access token and browser session of a person worthless now; devices refresh.

    For whatever changes what a person may do (a role, a driver's status).
    """
    User.objects.filter(pk=user.pk).update(token_version=F("token_version") + 1)
    user.refresh_from_db(fields=["token_version"])


@transaction.atomic
def forget_expired(*, at: datetime | None = None) -> int:
    """Delete what opens nothing any more; once a day, however often it is rung.

    Ended log-ins stay `KEEP_ENDED` for whoever asks what happened. Returns how many rows went.
    """
    at = at or clock.now()
    if not claim_run("fleets.forget_expired", at.date().isoformat()):
        return 0
    ended = Q(revoked_at__lt=at - KEEP_ENDED) | Q(expires_at__lt=at - KEEP_ENDED)
    gone, _by_model = RefreshFamily.objects.filter(ended).delete()
    passed, _by_model = ApiAccessToken.objects.unscoped().filter(expires__lt=at).delete()
    gone += OneTimeCode.objects.filter(expires_at__lt=at - KEEP_ENDED).delete()[0]
    gone += SocketTicket.objects.unscoped().filter(expires_at__lt=at).delete()[0]
    return gone + passed + limits.forget_before(at - timedelta(days=1))


def change_password(
    user: User,
    *,
    actor: Actor,
    current: str,
    new: str,
    family: uuid.UUID,
    at: datetime | None = None,
) -> TokenPair:
    """A new password; every log-in ends, and the device of log-in `family` gets a new one. Audited.

    Guesses at the current password take the slots of log-in. Raises WrongPassword (400),
    WeakPassword (400), TooManyAttempts (429).
    """
    at = at or clock.now()
    limits.take(limits.LOGIN_ACCOUNT, f"user:{user.pk}", at=at)
    if len(current) > MAX_PASSWORD_CHARS or not user.check_password(current):
        raise WrongPassword(field="current_password")
    limits.give_back(limits.LOGIN_ACCOUNT, f"user:{user.pk}", at=at)
    require_strong_password(new, user)
    with transaction.atomic():
        set_password(user, new, actor=actor, at=at)
        here = RefreshFamily.objects.get(user=user, key=family)
        shown = here.second_factor_at
        return start(user, here.device_label, here.device_hash, at, second_factor_at=shown)


@transaction.atomic
def set_password(user: User, new: str, *, actor: Actor, at: datetime | None = None) -> None:
    """Set a password already judged strong enough; saving it ends every log-in. Audited."""
    at = at or clock.now()
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    end_access(user)
    user.set_password(new)
    user.save(update_fields=["password"])
    audit.record("password.changed", user, actor=actor, at=at)


def require_strong_password(password: str, user: User) -> None:
    """Raises WeakPassword (400), naming in `extra.rules` what the password breaks."""
    try:
        if len(password) > MAX_PASSWORD_CHARS:
            raise ValidationError("", code="password_too_long")
        validate_password(password, user)
    except ValidationError as error:
        rules = sorted(str(e.code) for e in error.error_list)
        raise WeakPassword(field="new_password", rules=rules) from error
