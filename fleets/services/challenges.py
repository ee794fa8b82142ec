"""Between two steps of a log-in: who has proven what came before, on which device.

A challenge is signed, opens the one step it was made for, and is good for five minutes; a new
password or a disabled person ends it sooner. It says nothing that its owner does not know, and
nobody is given one before the first step was right.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing

from fleets.errors import InvalidCredentials, NoCredentials
from fleets.models import User

GOOD_FOR_S = 300
SALT = "fleets.log_in"


@dataclass(frozen=True, slots=True)
class Begun:
    """A log-in on its way: `second_factor_at` is when a code of it was shown, if one was."""

    user: User
    device_name: str
    device_hash: str
    second_factor_at: datetime | None = None


def ask(refusal: type[NoCredentials], begun: Begun, step: str, **extra: Any) -> NoCredentials:
    """The refusal (401) that carries the challenge of a step."""
    shown_at = begun.second_factor_at
    claims = {
        "u": begun.user.pk,
        "v": begun.user.token_version,
        "d": begun.device_hash,
        "n": begun.device_name,
        "s": shown_at.isoformat() if shown_at else None,
    }
    challenge = signing.dumps(claims, salt=f"{SALT}.{step}")
    return refusal(challenge=challenge, expires_in_s=GOOD_FOR_S, **extra)


def read(challenge: str, step: str) -> Begun:
    """The log-in that a challenge of this step belongs to. Raises InvalidCredentials (401)."""
    try:
        claims = signing.loads(challenge, salt=f"{SALT}.{step}", max_age=GOOD_FOR_S)
    except signing.BadSignature as error:
        raise InvalidCredentials() from error
    user = User.objects.filter(pk=claims["u"], token_version=claims["v"], is_active=True).first()
    if user is None:
        raise InvalidCredentials()
    shown_at = claims["s"]
    return Begun(
        user,
        claims["n"],
        claims["d"],
        datetime.fromisoformat(shown_at) if shown_at else None,
    )
