"""Who opens a socket: tickets that work once, and whether a socket's log-in still holds.

A socket carries no token and no cookie: its first message is a ticket, asked for over HTTPS just
before. What stands behind it is looked at again for each thing that the socket does, and every few
seconds while it does nothing (`voltop.sockets`).
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.models import Session
from django.utils.crypto import constant_time_compare

from fleets import limits, tokens
from fleets.middleware import SHOWN_KEY
from fleets.models import RefreshFamily, SocketTicket, User
from fleets.principals import activate_at
from fleets.selectors import active_provider, load_person
from voltop import clock
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.sockets.errors import AccessEnded, TicketInvalid

LIFETIME = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Shown this once."""

    ticket: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """Behind an open socket: a person at a provider, by the log-in of a device or a browser."""

    user_id: int
    provider_id: int
    token_version: int
    family: uuid.UUID | None = None
    session_key: str = ""


def issue_ticket(
    user: User,
    *,
    actor: Actor,
    family: uuid.UUID | None = None,
    session_key: str = "",
    at: datetime | None = None,
) -> Ticket:
    """A ticket for one socket, as the person at the actor's provider; good for half a minute.

    Raises TooManyAttempts (429).
    """
    at = at or clock.now()
    limits.take(limits.SOCKET_TICKETS, f"user:{user.pk}", at=at)
    raw = tokens.new_socket_ticket()
    SocketTicket.objects.create(
        user=user,
        provider=active_provider(actor),
        token_hash=tokens.hash_token(raw),
        token_version=user.token_version,
        family=RefreshFamily.objects.get(user=user, key=family) if family else None,
        session_key=session_key,
        expires_at=at + LIFETIME,
    )
    return Ticket(raw, at + LIFETIME)


# --- voltop.sockets.access.Authentication --------------------------------------------------------
def redeem(raw: str) -> Access:
    """What a ticket stands for; it is gone then. Of any number at once, one gets it.

    Raises TicketInvalid (401): never given, used, too old: all alike.
    """
    found = SocketTicket.objects.unscoped().filter(
        token_hash=tokens.hash_token(raw), expires_at__gt=clock.now()
    )
    ticket = found.select_related("family").first()
    if ticket is None or not SocketTicket.objects.filter(pk=ticket.pk).delete()[0]:
        raise TicketInvalid()
    family = ticket.family.key if ticket.family else None
    return Access(
        ticket.user_id, ticket.provider_id, ticket.token_version, family, ticket.session_key
    )


def person_of(access: Access) -> User:
    """The person, at the provider, with what they may do there now.

    As a request would see them. Raises AccessEnded (401) whatever it is that has ended.
    """
    if access.family is not None:
        user = load_person(access.user_id, access.token_version, access.family)
    else:
        user = _of_browser(access)
    if user is None:
        raise AccessEnded()
    try:
        activate_at(user, access.provider_id)
    except DomainError as error:
        raise AccessEnded() from error
    return user


def _of_browser(access: Access) -> User | None:
    """The person of a browser's session, if it is still what the admin would let in."""
    session = Session.objects.filter(
        session_key=access.session_key, expire_date__gt=clock.now()
    ).first()
    user = User.objects.filter(
        pk=access.user_id, token_version=access.token_version, is_active=True
    ).first()
    if session is None or user is None:
        return None
    data = session.get_decoded()
    stamp = str(data.get(HASH_SESSION_KEY, ""))
    same = constant_time_compare(stamp, user.get_session_auth_hash())
    if data.get(USER_KEY) != str(user.pk) or not same:
        return None
    shown = data.get(SHOWN_KEY)
    user.second_factor_at = datetime.fromisoformat(shown) if shown else None
    return user


def ended(accesses: Iterable[Access]) -> set[Access]:
    """Those whose log-in has ended: three queries, however many there are.

    Roles and companies are not looked at: `person_of`.
    """
    asked = set(accesses)
    now = clock.now()
    users = User.objects.filter(pk__in={a.user_id for a in asked}, is_active=True)
    versions = dict(users.values_list("pk", "token_version"))
    families = RefreshFamily.objects.filter(
        key__in={a.family for a in asked if a.family}, revoked_at__isnull=True, expires_at__gt=now
    )
    living: set[tuple[str, uuid.UUID | None]] = {
        ("", key) for key in families.values_list("key", flat=True)
    }
    keys = {a.session_key for a in asked if a.session_key}
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=now) if keys else ()
    living |= {(session.session_key, None) for session in sessions}
    return {
        a
        for a in asked
        if versions.get(a.user_id) != a.token_version or (a.session_key, a.family) not in living
    }
