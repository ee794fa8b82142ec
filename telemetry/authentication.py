"""How a source shows who it is: `Authorization: Bearer vtt_…`, a token of its own."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from fleets.errors import InvalidToken
from telemetry.principals import SourcePrincipal
from telemetry.selectors import source_of_token
from telemetry.services.sources import TOKEN_PREFIX
from voltop import clock

MAX_TOKEN_CHARS = 128


class SourceAuthentication(BaseAuthentication):
    """`request.user` is a SourcePrincipal; other bearer tokens are left to the next class."""

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="voltop"'

    def authenticate(self, request: Request) -> tuple[SourcePrincipal, None] | None:
        scheme, _, raw = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not raw.startswith(TOKEN_PREFIX):
            return None
        source = source_of_token(raw, at=clock.now()) if len(raw) <= MAX_TOKEN_CHARS else None
        if source is None:
            raise InvalidToken()
        return SourcePrincipal(source), None
