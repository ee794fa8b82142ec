"""One-time codes: asked for, sent, tried, used. And what opens with one: log-in, a new password.

Asking and trying cost and answer alike for names that exist and that do not: the same limits, the
same rows, the same statements; an unknown name's code is merely sent to nobody. Nothing is hashed
with the slow hash but a password that a right code sets.

Not here: invitations (`fleets.services.invitations`), how a message travels (`fleets.messages`).
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from fleets import audit, limits, tokens
from fleets.errors import InvalidCode
from fleets.messages import Message, deliver
from fleets.models import Channel, CodePurpose, OneTimeCode, User
from fleets.models.codes import MAX_ATTEMPTS
from fleets.querysets import login_name
from fleets.services import auth
from voltop import clock, outbox
from voltop.outbox import Delivery

LIFETIME = timedelta(minutes=10)
SEND = "fleets.send_code"
"""The outbox topic of codes; its payload is the row's id, never the code."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the asker gets: the challenge belongs to the code and is shown again with it."""

    challenge: str
    expires_in_s: int


# --- Asking --------------------------------------------------------------------------------------
def ask_for_code(
    *, login: str, purpose: str, address: str, device: auth.Device, at: datetime | None = None
) -> Asked:
    """Send a six-digit code to the e-mail or phone that is this log-in name, if it is anyone's.

    The newest code of a purpose ends the older ones. Raises TooManyAttempts (429).
    """
    at = at or clock.now()
    limits.take(limits.CODE_ADDRESS, address, at=at)
    user = User.objects.with_login(login).first()
    name = f"name:{login_name(login)}"
    limits.take(limits.CODE_ACCOUNT, auth.device_key(user, device) or name, at=at)
    if user is not None and not user.is_active:
        user = None
    challenge = tokens.new_challenge()
    issue(
        user,
        purpose=CodePurpose(purpose),
        channel=Channel.EMAIL if "@" in login else Channel.SMS,
        lookup_hash=tokens.hash_token(challenge),
        expires_at=at + LIFETIME,
        at=at,
    )
    return Asked(challenge, int(LIFETIME.total_seconds()))


@transaction.atomic
def issue(
    user: User | None,
    *,
    purpose: str,
    channel: str,
    lookup_hash: str,
    expires_at: datetime,
    at: datetime,
    code: OneTimeCode | None = None,
) -> OneTimeCode:
    """Keep a new code and have it sent once the transaction is committed."""
    owner = user.pk if user else 0
    list(User.objects.select_for_update(no_key=True).filter(pk=owner).values("pk"))
    end_codes(owner, at=at, purpose=purpose)
    code = code or OneTimeCode()
    code.user, code.purpose, code.channel = user, purpose, channel
    code.lookup_hash, code.expires_at = lookup_hash, expires_at
    code.key_id = tokens.current_key().kid
    code.save(force_insert=True)
    outbox.emit(
        topic=SEND,
        provider_id=None,
        object_key=f"fleets.onetimecode:{code.pk}",
        payload={"code": code.pk},
    )
    return code


def end_codes(user_id: int, *, at: datetime, purpose: str | None = None) -> int:
    """End a person's live codes, of one purpose or of all; how many there were."""
    live = OneTimeCode.objects.filter(user_id=user_id, used_at__isnull=True, ended_at__isnull=True)
    return (live.filter(purpose=purpose) if purpose else live).update(ended_at=at)


# --- Sending -------------------------------------------------------------------------------------
@outbox.handler(SEND)
def send(delivery: Delivery) -> None:
    """Make the code again and send it to the address its owner has now; an ended one is not sent.

    A message that is repeated carries the same code.
    """
    code = OneTimeCode.objects.select_related("user", "provider").get(pk=delivery.payload["code"])
    user = code.user
    if user is None or not _is_live(code, clock.now()):
        return
    to = user.email if code.channel == Channel.EMAIL else user.phone
    if not to:
        return
    with translation.override(user.language):
        deliver(message_of(code, to), user)
    OneTimeCode.objects.filter(pk=code.pk).update(sent_at=clock.now())


def message_of(code: OneTimeCode, to: str) -> Message:
    """The words that go with a code, in the language that is active."""
    if code.purpose == CodePurpose.INVITATION:
        from fleets.services.invitations import words_of  # stands on this module

        subject, text = words_of(code)
    else:
        digits = code_of(code)
        subject = _("Your Voltop code")
        text = _(
            "Your Voltop code is %(code)s. It is good for ten minutes. Nobody from Voltop or your "
            "company will ever ask you for it. If you did not want one, do nothing."
        ) % {"code": digits}
    return Message(code.channel, to, subject, text)


def code_of(code: OneTimeCode) -> str:
    """The code itself, derived again. Raises InvalidCode when its server key was taken away."""
    key = tokens.keys().get(code.key_id)
    if key is None:
        raise InvalidCode()
    if code.purpose == CodePurpose.INVITATION:
        return tokens.derive_letters(key, code.key)
    return tokens.derive_digits(key, code.key)


# --- Trying --------------------------------------------------------------------------------------
def log_in_by_code(
    *, challenge: str, code: str, address: str, device: auth.Device, at: datetime | None = None
) -> auth.TokenPair:
    """Tokens for the right code.

    Raises InvalidCode, SecondFactorRequired, FaceRequired (401), TooManyAttempts (429).
    """
    at = at or clock.now()
    row = try_code(CodePurpose.LOGIN, challenge, code, address=address, at=at)
    return auth.enter(use(row, at=at), device, at)


def reset_password(
    *, challenge: str, code: str, new: str, address: str, at: datetime | None = None
) -> User:
    """A new password for the right code; every log-in and every other code of the person ends.

    A password that is too weak leaves the code usable. Raises InvalidCode (401), WeakPassword
    (400), TooManyAttempts (429).
    """
    at = at or clock.now()
    row = try_code(CodePurpose.PASSWORD, challenge, code, address=address, at=at)
    return set_first_or_new_password(row, new, at=at)


def try_code(purpose: str, challenge: str, code: str, *, address: str, at: datetime) -> OneTimeCode:
    """The live row of that challenge, if the code is its own.

    The try is counted before it is judged, in one statement: of any number of parallel ones
    `MAX_ATTEMPTS` are judged. A right one is not counted. Raises InvalidCode (401),
    TooManyAttempts (429).
    """
    limits.take(limits.CODE_TRIES, address, at=at)
    rows = OneTimeCode.objects.filter(
        _live(at), lookup_hash=tokens.hash_token(challenge), purpose=purpose
    )
    counted = rows.filter(attempts__lt=MAX_ATTEMPTS).update(attempts=F("attempts") + 1)
    row = rows.select_related("user").first() if counted else None
    if row is None or not _same(code_of(row), code):
        raise InvalidCode()
    if row.user is None or not row.user.is_active:
        raise InvalidCode()
    OneTimeCode.objects.filter(pk=row.pk, attempts__gt=0).update(attempts=F("attempts") - 1)
    limits.give_back(limits.CODE_TRIES, address, at=at)
    return row


@transaction.atomic
def use(row: OneTimeCode, *, at: datetime) -> User:
    """Use a code that was found right, once; its owner has proven the address it was sent to.

    Raises InvalidCode (401) for whoever comes second.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=row.user_id or 0)
    if not OneTimeCode.objects.filter(_live(at), pk=row.pk).update(used_at=at):
        raise InvalidCode()
    proven = "email_verified_at" if row.channel == Channel.EMAIL else "phone_verified_at"
    if getattr(user, proven) is None:
        User.objects.filter(pk=user.pk).update(**{proven: at})
        setattr(user, proven, at)
    return user


def set_first_or_new_password(row: OneTimeCode, new: str, *, at: datetime) -> User:
    """Use a right code for a password. Raises WeakPassword (400), InvalidCode (401)."""
    if row.user is None:
        raise InvalidCode()
    auth.require_strong_password(new, row.user)
    with transaction.atomic():
        user = use(row, at=at)
        auth.set_password(user, new, actor=user.actor(), at=at)
        audit.record("code.used", user, actor=user.actor(), at=at, reason=row.purpose)
    return user


def _live(at: datetime) -> Q:
    return Q(used_at__isnull=True, ended_at__isnull=True, expires_at__gt=at)


def _is_live(code: OneTimeCode, at: datetime) -> bool:
    return code.used_at is None and code.ended_at is None and code.expires_at > at


def _same(right: str, given: str) -> bool:
    return hmac.compare_digest(right.encode(), given.encode("utf-8", "surrogatepass"))
