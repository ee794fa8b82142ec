"""Who stands behind a socket: asked of `settings.SOCKET_AUTHENTICATION`, as requests ask DRF's.

Synchronous: called from worker threads (`voltop.sockets.threads`).
"""

from collections.abc import Hashable, Iterable
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from voltop.api.permissions import Principal


class Access(Hashable, Protocol):
    """What a ticket stood for; the same for as long as the socket lives."""

    @property
    def user_id(self) -> int: ...

    @property
    def provider_id(self) -> int: ...


class Authentication(Protocol):
    """The module that the setting names."""

    def redeem(self, raw: str) -> Access:
        """Use a ticket up. Raises TicketInvalid."""

    def person_of(self, access: Any) -> Principal:
        """The person with what they may do now. Raises AccessEnded."""

    def ended(self, accesses: Iterable[Any]) -> set[Access]:
        """Those whose log-in has ended, cheaply."""


def authentication() -> Authentication:
    return cast(Authentication, import_module(settings.SOCKET_AUTHENTICATION))
