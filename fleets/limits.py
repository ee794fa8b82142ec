"""Limits on guessing, and on files; kept in PostgreSQL so that they hold in parallel and without
Redis.

An attempt takes its slot *before* the password is looked at, in one statement: of any number of
parallel tries exactly `count` get through. A try that turned out to be right gives its slot back;
so only failures count, and a depot whose people log in through one address is not shut out.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from fleets.errors import TooManyAttempts
from fleets.models import AttemptWindow
from fleets.tokens import lookup_hash
from voltop.context import Actor
from voltop.exports import TooManyExports


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` attempts under one key in any span of `per`."""

    purpose: str
    count: int
    per: timedelta


LOGIN_ACCOUNT = Limit("login_account", 5, timedelta(minutes=15))
LOGIN_ADDRESS = Limit("login_address", 50, timedelta(minutes=15))
SECOND_FACTOR = Limit("second_factor", 5, timedelta(minutes=15))
CODE_ACCOUNT = Limit("code_account", 5, timedelta(hours=1))
CODE_ADDRESS = Limit("code_address", 50, timedelta(hours=1))
CODE_TRIES = Limit("code_tries", 50, timedelta(minutes=15))
INVITE_AGAIN = Limit("invite_again", 3, timedelta(hours=1))
SANDBOX_RESET = Limit("sandbox_reset", 12, timedelta(hours=1))
CLIENT_ADDRESS = Limit("client_address", 50, timedelta(minutes=15))
SOCKET_TICKETS = Limit("socket_tickets", 120, timedelta(minutes=10))
EXPORTS = Limit("exports", 30, timedelta(minutes=10))

_TAKE = """
INSERT INTO fleets_attemptwindow AS w (purpose, key_hash, hits)
VALUES (%(purpose)s, %(key)s, ARRAY[%(at)s::timestamptz])
ON CONFLICT (purpose, key_hash) DO UPDATE
SET hits = ARRAY(SELECT h FROM unnest(w.hits) h WHERE h > %(since)s ORDER BY h)
           || %(at)s::timestamptz
WHERE (SELECT count(*) FROM unnest(w.hits) h WHERE h > %(since)s) < %(count)s
RETURNING 1
"""
_OLDEST = """
SELECT min(h) FROM fleets_attemptwindow w, unnest(w.hits) h
WHERE w.purpose = %(purpose)s AND w.key_hash = %(key)s AND h > %(since)s
"""
_GIVE_BACK = """
UPDATE fleets_attemptwindow
SET hits = hits[:array_position(hits, %(at)s::timestamptz) - 1]
           || hits[array_position(hits, %(at)s::timestamptz) + 1:]
WHERE purpose = %(purpose)s AND key_hash = %(key)s
  AND array_position(hits, %(at)s::timestamptz) IS NOT NULL
"""


def take(limit: Limit, key: str, *, at: datetime) -> None:
    """Take one slot, or raise TooManyAttempts (429) with the seconds until one is free.

    Where a later refusal must not give the slot back, this stands outside its transaction.
    """
    values: dict[str, Any] = {
        "purpose": limit.purpose,
        "key": lookup_hash(f"{limit.purpose}:{key}"),
        "at": at,
        "since": at - limit.per,
        "count": limit.count,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.fetchone():
            return
        cursor.execute(_OLDEST, values)
        oldest = cursor.fetchone()[0] or at
    wait_s = math.ceil((oldest + limit.per - at).total_seconds())
    raise TooManyAttempts(retry_after_s=max(1, wait_s))


def give_back(limit: Limit, key: str, *, at: datetime) -> None:
    """Return the slot taken at `at`: the attempt was genuine."""
    key_hash = lookup_hash(f"{limit.purpose}:{key}")
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, {"purpose": limit.purpose, "key": key_hash, "at": at})


def forget_before(at: datetime) -> int:
    """Delete windows untouched since `at`; for the clean-up job."""
    return AttemptWindow.objects.filter(updated_at__lt=at).delete()[0]


def too_many_exports(actor: Actor, at: datetime) -> TooManyExports | None:
    """Whether this person or client has taken all files of these minutes from a company.

    A file reads a whole table: it costs what hundreds of pages do.
    """
    try:
        take(EXPORTS, f"{actor}:{actor.provider_id}", at=at)
    except TooManyAttempts as full:
        return TooManyExports(retry_after_s=full.retry_after_s)
    return None
