"""Invitations: how somebody new gets a first password and so gets into the system.

Whoever invites never learns whether the person was known to Voltop, nor who they are before they
have taken the invitation up. Somebody without a password
is sent a long code, good for seven days, which sets the first one and logs in at once; somebody
who has a password is told to log in with it. The code goes to the person's own address, never to
one that the inviting company typed for a person who has another.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from fleets import audit, limits, signals, tokens
from fleets.messages import Message, deliver
from fleets.models import Channel, CodePurpose, FleetProvider, Membership, OneTimeCode, User
from fleets.services import auth, codes
from voltop import clock, outbox
from voltop.context import Actor
from voltop.outbox import Delivery

LIFETIME = timedelta(days=7)
TELL = "fleets.tell_invited"
"""The outbox topic of news to people who have a password already."""


@transaction.atomic
def invite(user: User, provider: FleetProvider, *, actor: Actor, at: datetime) -> None:
    """Have the person told that the company wants them, with a code if they have no password."""
    channel = Channel.EMAIL if user.email else Channel.SMS
    if user.has_usable_password():
        outbox.emit(
            topic=TELL,
            provider_id=provider.pk,
            object_key=f"fleets.user:{user.pk}",
            payload={"user": user.pk, "provider": provider.pk, "channel": channel},
        )
        return
    code = OneTimeCode(provider=provider)
    letters = tokens.derive_letters(tokens.current_key(), code.key)
    codes.issue(
        user,
        purpose=CodePurpose.INVITATION,
        channel=channel,
        lookup_hash=tokens.hash_token(letters),
        expires_at=at + LIFETIME,
        at=at,
        code=code,
    )


@transaction.atomic
def invite_again(invited: Any, *, actor: Actor, at: datetime | None = None) -> None:
    """A new invitation for a membership or a driver's record; the one before ends.

    Three an hour: TooManyAttempts (429).
    """
    at = at or clock.now()
    limits.take(limits.INVITE_AGAIN, f"{invited.provider_id}:{invited.user_id}", at=at)
    invite(invited.user, invited.provider, actor=actor, at=at)
    audit.record("invitation.sent_again", invited, actor=actor, at=at)


@transaction.atomic
def take_up(user: User, provider_id: int, *, at: datetime | None = None) -> None:
    """The person works at the company from now on, which is shown who they are. Once; audited.

    The rows that other apps let them in by follow (`signals.joined`).
    """
    at = at or clock.now()
    waiting = Membership.objects.for_provider(provider_id).filter(
        user=user, ended_at__isnull=True, joined_at__isnull=True
    )
    for membership in waiting.select_for_update(no_key=True):
        Membership.objects.filter(pk=membership.pk).update(joined_at=at, invited_name="")
        actor = Actor("user", user.pk, provider_id)
        audit.record("membership.joined", membership, actor=actor, at=at)
    signals.joined.send(User, user=user, provider_id=provider_id, at=at)


def withdraw(user: User, provider: FleetProvider, *, at: datetime) -> int:
    """End a company's invitation that nobody has accepted; how many codes that were."""
    codes_of_it = OneTimeCode.objects.filter(
        user=user, provider=provider, purpose=CodePurpose.INVITATION
    )
    return codes_of_it.filter(used_at__isnull=True, ended_at__isnull=True).update(ended_at=at)


def accept_invitation(
    *, code: str, new: str, address: str, device: auth.Device, at: datetime | None = None
) -> auth.TokenPair:
    """Set the first password with an invitation's code, and log in.

    Spaces, dashes and small letters in the code do not matter. Raises InvalidCode,
    SecondFactorRequired, FaceRequired (401), WeakPassword (400), TooManyAttempts (429).
    """
    at = at or clock.now()
    user = _accept(code, new, address, at)
    return auth.enter(user, device, at)


def set_first_password(*, code: str, new: str, address: str, at: datetime | None = None) -> User:
    """The same without logging in: for a page in the browser. Raises as `accept_invitation`."""
    return _accept(code, new, address, at or clock.now())


def _accept(code: str, new: str, address: str, at: datetime) -> User:
    letters = code.replace(" ", "").replace("-", "").upper()
    row = codes.try_code(CodePurpose.INVITATION, letters, letters, address=address, at=at)
    with transaction.atomic():
        user = codes.set_first_or_new_password(row, new, at=at)
        if row.provider_id is not None:
            take_up(user, row.provider_id, at=at)
        signals.invitation_accepted.send(User, user=user, provider_id=row.provider_id, at=at)
    return user


@outbox.handler(TELL)
def tell(delivery: Delivery) -> None:
    """Tell somebody with a password that another company has invited them."""
    user = User.objects.get(pk=delivery.payload["user"])
    provider = FleetProvider.objects.get(pk=delivery.payload["provider"])
    channel = delivery.payload["channel"]
    to = user.email if channel == Channel.EMAIL else user.phone
    if not to or not user.is_active:
        return
    with translation.override(user.language):
        text = _("%(provider)s has added you on Voltop. Log in as you are used to: %(url)s") % {
            "provider": provider.name,
            "url": settings.PUBLIC_URL,
        }
        message = Message(channel, to, _("An invitation from %s") % provider.name, text)
        deliver(message, user)


def words_of(code: OneTimeCode) -> tuple[str, str]:
    """Subject and text of an invitation with its code, in the language that is active."""
    letters = codes.code_of(code)
    provider = code.provider.name if code.provider else "Voltop"
    text = _(
        "%(provider)s invites you to Voltop. Choose a password at %(url)s or in the app with the "
        "code %(code)s. It is good for seven days and for you alone."
    ) % {
        "provider": provider,
        "url": f"{settings.PUBLIC_URL}/welcome/",
        "code": "-".join(letters[n : n + 4] for n in range(0, len(letters), 4)),
    }
    return _("An invitation from %s") % provider, text
