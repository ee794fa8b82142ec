"""The second factor: set up, shown at log-in, shown again before money is approved, taken away.

A code is taken once, whoever sends it how often at the same moment; a person has five tries in
fifteen minutes. What is fresh is a fact about the log-in (`RefreshFamily.second_factor_at`, or the
browser's session), not about a request: docs/decisions/0007. Not here: who must have one
(`fleets.selectors.second_factor_demanded`), and the password before it (`fleets.services.auth`).
"""

import base64
import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from django.db import transaction
from django_otp.oath import hotp

from fleets import audit, limits
from fleets.errors import (
    FreshSecondFactorRequired,
    InvalidSecondFactor,
    NoSecondFactor,
    SecondFactorExists,
    SecondFactorRequired,
)
from fleets.models import (
    FleetPolicy,
    RecoveryCode,
    RefreshFamily,
    RevokeReason,
    SecondFactor,
    User,
)
from fleets.services import auth, challenges, notices
from fleets.services.challenges import Begun
from voltop import clock, crypto
from voltop.context import Actor

STEP_S = 30
TOLERANCE = 1  # steps before and after the present one
SECRET_BYTES = 20
RECOVERY_CODES = 10
FRESH = timedelta(minutes=5)
STEP = "second_factor"
CONTEXT = "fleets_secondfactor|secret|"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app wants: the secret in base32, or the same as an address in a QR."""

    secret: str
    uri: str


# --- Setting it up -------------------------------------------------------------------------------
@transaction.atomic
def begin(user: User, *, actor: Actor, at: datetime | None = None) -> Enrolment:
    """A secret for the person's authenticator app; it counts once `confirm` saw a code of it.

    Beginning again before that gives a new one. Raises SecondFactorExists (409).
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    device = SecondFactor.objects.filter(user=user).first() or SecondFactor(user=user)
    if device.confirmed_at is not None:
        raise SecondFactorExists()
    plain = secrets.token_bytes(SECRET_BYTES)
    device.secret = crypto.encrypt(
        subject=_subject(user.pk),
        provider_id=None,
        context=f"{CONTEXT}{device.key}",
        plaintext=plain,
    )
    device.last_step = 0
    device.save()
    return _enrolment(user, plain)


def begun(user: User) -> Enrolment | None:
    """The secret that waits for its first code, so that a page can show it again."""
    device = SecondFactor.objects.filter(user=user, confirmed_at__isnull=True).first()
    return _enrolment(user, _secret(device)) if device else None


def confirm(
    user: User, code: str, *, actor: Actor, family: uuid.UUID | None, at: datetime | None = None
) -> list[str]:
    """The first code makes the second factor count; returns the recovery codes, shown this once.

    Every other log-in of the person ends: it was made without. `family` is the log-in that stays.
    Raises NoSecondFactor, SecondFactorExists (409), InvalidSecondFactor (400), TooManyAttempts.
    """
    at = at or clock.now()
    device = SecondFactor.objects.filter(user=user).first()
    if device is None:
        raise NoSecondFactor()
    if device.confirmed_at is not None:
        raise SecondFactorExists()
    _take_code(user, device, code, at)
    with transaction.atomic():
        if not SecondFactor.objects.filter(pk=device.pk, confirmed_at=None).update(confirmed_at=at):
            raise SecondFactorExists()
        codes = _new_recovery_codes(user)
        others = RefreshFamily.objects.filter(user=user)
        others = others.exclude(key=family) if family else others
        auth.revoke(others, RevokeReason.SECOND_FACTOR, at)
        _mark(user, family, at)
        audit.record("second_factor.enrolled", user, actor=actor, at=at)
        notices.notify(user, "fleets.second_factor_added", once=at.isoformat(), at=at)
    return codes


def remove(user: User, code: str, *, actor: Actor, at: datetime | None = None) -> None:
    """Take one's own second factor away, with a code of it. Raises as `check`."""
    at = at or clock.now()
    check(user, code, at=at)
    _forget(user, actor=actor, at=at, reason="")


@transaction.atomic
def reset(user: User, *, actor: Actor, reason: str = "", at: datetime | None = None) -> User:
    """Take somebody's second factor away, who lost it: for platform staff. Every log-in ends."""
    at = at or clock.now()
    if SecondFactor.objects.filter(user=user).exists():
        _forget(user, actor=actor, at=at, reason=reason)
        auth.end_access(user)
        auth.end_log_ins(user, reason=RevokeReason.STAFF, at=at)
    return user


# --- Showing it ----------------------------------------------------------------------------------
def require(begun: Begun) -> None:
    """Guard of log-in: somebody with a second factor goes on with `finish_log_in`.

    Raises SecondFactorRequired (401) with a challenge that is good for five minutes.
    """
    if has_one(begun.user):
        raise challenges.ask(SecondFactorRequired, begun, STEP)


def finish_log_in(*, challenge: str, code: str, at: datetime | None = None) -> auth.TokenPair:
    """Tokens for the challenge of a log-in and a code (or a recovery code).

    Raises InvalidCredentials, FaceRequired (401), InvalidSecondFactor (400), TooManyAttempts (429).
    """
    at = at or clock.now()
    begun = challenges.read(challenge, STEP)
    check(begun.user, code, at=at)
    return auth.go_on(replace(begun, second_factor_at=at), at)


def verify(
    user: User, code: str, *, family: uuid.UUID | None, at: datetime | None = None
) -> datetime:
    """Show it again, on this log-in: fresh for five minutes. Raises as `check`."""
    at = at or clock.now()
    check(user, code, at=at)
    _mark(user, family, at)
    return at


def check(user: User, code: str, *, at: datetime) -> None:
    """Take a code of the authenticator app, or a recovery code, once.

    Raises NoSecondFactor (409), InvalidSecondFactor (400), TooManyAttempts (429).
    """
    device = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    if device is None:
        raise NoSecondFactor()
    _take_code(user, device, code, at)


def has_one(user: User) -> bool:
    """Whether the person has a second factor that counts."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def require_fresh(actor: Actor, provider_id: int, *, at: datetime) -> None:
    """Guard of what approves money, where the policy `approval_second_factor` asks for it.

    Raises FreshSecondFactorRequired (403) unless the person showed the second factor on this log-in
    within the last five minutes.
    """
    policy = FleetPolicy.objects.get(provider_id=provider_id)
    if policy.approval_second_factor:
        require_shown(actor, at=at)


def require_shown(actor: Actor, *, at: datetime) -> None:
    """Guard of what nobody can take back, whatever the policy. Raises as `require_fresh` does."""
    shown = actor.second_factor_at
    if shown is None or shown <= at - FRESH:
        raise FreshSecondFactorRequired()


# --- Inside --------------------------------------------------------------------------------------
def _take_code(user: User, device: SecondFactor, code: str, at: datetime) -> None:
    key = f"user:{user.pk}"
    limits.take(limits.SECOND_FACTOR, key, at=at)
    if not (_take_step(device, code, at) or _take_recovery_code(user, code, at)):
        raise InvalidSecondFactor(field="code")
    limits.give_back(limits.SECOND_FACTOR, key, at=at)


def _take_step(device: SecondFactor, code: str, at: datetime) -> bool:
    """Whether the code is one of the present steps', none of which was taken yet or is older."""
    if not (len(code) == 6 and code.isascii() and code.isdigit()):
        return False
    now, secret = int(at.timestamp()) // STEP_S, _secret(device)
    steps = [s for s in range(now - TOLERANCE, now + TOLERANCE + 1) if hotp(secret, s) == int(code)]
    rows = SecondFactor.objects.filter(pk=device.pk)
    return any(rows.filter(last_step__lt=step).update(last_step=step) for step in steps)


def _take_recovery_code(user: User, code: str, at: datetime) -> bool:
    unused = RecoveryCode.objects.filter(
        user=user, code_hash=_recovery_hash(code), used_at__isnull=True
    )
    return bool(unused.update(used_at=at))


def _new_recovery_codes(user: User) -> list[str]:
    """Ten fresh codes of ten letters; the ones before are void."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = [base64.b32encode(secrets.token_bytes(7)).decode()[:10] for _n in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=_recovery_hash(code)) for code in codes
    )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _recovery_hash(code: str) -> str:
    letters = code.replace("-", "").replace(" ", "").upper()
    safe = letters.encode("utf-8", "replace").decode()
    return crypto.fingerprint(safe, "fleets.recovery_code").hex()


def _mark(user: User, family: uuid.UUID | None, at: datetime) -> None:
    if family is not None:
        RefreshFamily.objects.filter(user=user, key=family).update(second_factor_at=at)


@transaction.atomic
def _forget(user: User, *, actor: Actor, at: datetime, reason: str) -> None:
    RecoveryCode.objects.filter(user=user).delete()
    SecondFactor.objects.filter(user=user).delete()
    RefreshFamily.objects.filter(user=user).update(second_factor_at=None)
    audit.record("second_factor.removed", user, actor=actor, at=at, reason=reason)
    notices.notify(user, "fleets.second_factor_removed", once=at.isoformat(), at=at)


def _subject(user_id: int) -> str:
    return f"fleets.user:{user_id}"


def _secret(device: SecondFactor) -> bytes:
    return crypto.decrypt(
        subject=_subject(device.user_id),
        provider_id=None,
        context=f"{CONTEXT}{device.key}",
        ciphertext=bytes(device.secret),
    )


def _enrolment(user: User, plain: bytes) -> Enrolment:
    """The otpauth address, in the form that authenticator apps agree on (Key Uri Format)."""
    secret = base64.b32encode(plain).decode()
    label = quote(f"Voltop:{user.email or user.phone}")
    query = urlencode({"secret": secret, "issuer": "Voltop", "digits": 6, "period": STEP_S})
    return Enrolment(secret, f"otpauth://totp/{label}?{query}")
