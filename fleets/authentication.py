"""Who calls the API: `Authorization: Bearer` with a person's or an API client's access token.

A person's token is checked by its signature first, then against the database in one query, so
that a log-out, a new password or another role counts at once. Not here: what the caller may do.
"""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from fleets import tokens
from fleets.errors import InvalidToken
from fleets.models import ApiAccessToken, User
from fleets.principals import ClientPrincipal
from fleets.selectors import load_client_token, load_person
from voltop import clock

Principal = User | ClientPrincipal
Credential = tokens.AccessClaims | ApiAccessToken


class BearerAuthentication(BaseAuthentication):
    """`request.user` is the principal, `request.auth` the token it came with."""

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="voltop"'

    def authenticate(self, request: Request) -> tuple[Principal, Credential] | None:
        """None without a bearer token; raises InvalidToken (401) for one that does not hold."""
        scheme, _, raw = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if raw.startswith("vta_"):
            return self._client(raw)
        claims = tokens.read_access(raw, at=clock.now())
        user = load_person(claims.user_id, claims.token_version, claims.family)
        if user is None:
            raise InvalidToken()
        return user, claims

    def _client(self, raw: str) -> tuple[Principal, Credential]:
        token = load_client_token(raw) if len(raw) <= tokens.MAX_TOKEN_CHARS else None
        if token is None:
            raise InvalidToken()
        return ClientPrincipal(token), token
