"""OAuth2 for integrators: oauth-toolkit narrowed to client credentials (RFC 6749 §4.4).

Its server class knows no other grant; here is what it asks of us: which client, which secret,
which scopes, and where a token is kept (its SHA-256 only).
"""

import base64
import binascii
import hmac
import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauthlib.oauth2 import BackendApplicationServer

from fleets import scopes, tokens
from fleets.models import ApiAccessToken, ApiClient, FleetProviderStatus
from voltop import clock

TOKEN_LIFETIME_S = 3600
MAX_FIELDS = 20

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FORM = re.compile(r"[\x21-\x7e]*")  # a form's own alphabet; oauthlib refuses some of it by itself

Answer = tuple[int, dict[str, str], dict[str, Any]]


def answer_token_request(body: bytes, content_type: str, authorization: str) -> Answer:
    """Status, headers and JSON of RFC 6749 §5.1 or §5.2 for a token request (§4.4.2).

    The client shows its secret by HTTP Basic or in the form. A request that is no form, or names
    a parameter twice, is `invalid_request` (400); a client that is not who it says, unknown or
    revoked, is `invalid_client` (401): all alike.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return _refusal(400, "invalid_request", "Send application/x-www-form-urlencoded.")
    text = body.decode("utf-8", "replace")
    if not _FORM.fullmatch(text) or not _once_each(text):
        return _refusal(400, "invalid_request", "This is not a form, or names something twice.")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if _is_basic(authorization):
        headers["HTTP_AUTHORIZATION"] = authorization
    _headers, answered, status = _server.create_token_response(
        "https://voltop.invalid/oauth/token", "POST", text, headers
    )
    if status == 401:
        return _refusal(401, "invalid_client", "No such client, or not its secret.")
    return status, {}, json.loads(answered)


def _refusal(status: int, error: str, description: str) -> Answer:
    headers = {"WWW-Authenticate": 'Basic realm="voltop"'} if status == 401 else {}
    return status, headers, {"error": error, "error_description": description}


def _once_each(form: str) -> bool:
    try:
        pairs = parse_qsl(form, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:  # not UTF-8, or too many fields
        return False
    names = [name for name, _value in pairs]
    return len(set(names)) == len(names)


def _is_basic(authorization: str) -> bool:
    """Whether oauth-toolkit can read the header at all: it trusts the base64 to be ASCII."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or not encoded.isascii():
        return False
    try:
        return b":" in base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False


def client_token(request: Any, refresh_token: bool = False) -> str:
    """oauthlib's token generator."""
    return tokens.new_client_token()


class ClientValidator(OAuth2Validator):
    """What oauthlib asks about clients and tokens."""

    def _load_application(self, client_id: str, request: Any) -> ApiClient | None:
        if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
            return None
        client = super()._load_application(client_id, request)
        if client and client.provider.status == FleetProviderStatus.CLOSED:
            return None
        return client

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        return hmac.compare_digest(tokens.hash_token(provided_secret), stored_secret)

    def _create_access_token(
        self,
        expires: datetime,
        request: Any,
        token: dict[str, Any],
        source_refresh_token: Any = None,
    ) -> ApiAccessToken:
        client = request.client
        ApiClient.objects.filter(pk=client.pk).update(last_token_at=clock.now())
        return ApiAccessToken.objects.create(
            provider_id=client.provider_id,
            application=client,
            scope=token["scope"],
            expires=expires,
            token_checksum=tokens.hash_token(token["access_token"]),
        )


class ClientScopes(BaseScopes):
    """A client may ask for the scopes it was granted; asking for none means all of them."""

    def get_all_scopes(self) -> dict[str, str]:
        return {scope: scope for scope in scopes.all_scopes()}

    def get_available_scopes(
        self,
        application: ApiClient | None = None,
        request: HttpRequest | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> list[str]:
        return list(application.scopes) if application else []

    get_default_scopes = get_available_scopes


_server = BackendApplicationServer(
    ClientValidator(), token_generator=client_token, token_expires_in=TOKEN_LIFETIME_S
)
