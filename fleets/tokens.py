"""The tokens themselves: signing, reading, deriving and hashing. No database, no rules of use.

- Access token of a person: a JWT (RFC 7519, profile of RFC 9068) signed with Ed25519 (`alg` EdDSA,
  RFC 8037), ten minutes long. Exactly the headers alg, kid and typ; anything else is refused, so
  that a token can neither bring its own key (jwk, jku, x5u) nor ask for an extension (crit).
- Refresh token: `vtr_` and an HMAC-SHA-256 over family and generation. It is derived, not drawn,
  so that a device that lost the answer can be given the same one again although only its SHA-256
  is stored.
- API client's token and secret: `vta_` and `vts_` and 256 random bits.
- Ticket of a socket: `vtw_` and 256 random bits.
- One-time code: six digits, or the sixteen letters of an invitation (80 bits), derived from the
  random key of its row; so neither the code nor a hash of it, which six digits would not bear,
  is stored. A challenge, `vtq_` and 256 random bits, says who asked for a code.

Keys: `TOKEN_SIGNING_KEYS`, a list of `kid:base64(32-byte seed)`. The first signs, all verify; so a
key is changed by putting a new one in front and taking the old one away later.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from fleets.errors import InvalidToken
from voltop.embedded import paths

ALGORITHM = "EdDSA"
ACCESS_TYPE = "at+jwt"
ACCESS_LIFETIME_S = 600
CLAIMS = ("iss", "aud", "sub", "tv", "fam", "iat", "exp", "jti")
CLOCK_SKEW_S = 60
MAX_TOKEN_CHARS = 2048

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One server key: an Ed25519 pair for access tokens, and secrets derived from its seed."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    refresh_secret: bytes
    lookup_secret: bytes
    code_secret: bytes


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a genuine access token says. Whether it still holds is for the database to say."""

    user_id: int
    token_version: int
    family: uuid.UUID
    token_id: str
    expires_at_s: int


def keys() -> dict[str, TokenKey]:
    """All server keys by their id; the first is the one that signs."""
    return _load(tuple(settings.TOKEN_SIGNING_KEYS))


def current_key() -> TokenKey:
    """The key that signs and derives from now on."""
    return next(iter(keys().values()))


@lru_cache(maxsize=8)
def _load(configured: tuple[str, ...]) -> dict[str, TokenKey]:
    if not configured:
        seed = hashlib.sha256(paths.local_secret("token_key").encode()).digest()
        return {"local": _key("local", seed)}
    loaded: dict[str, TokenKey] = {}
    for entry in configured:
        kid, _, encoded = entry.partition(":")
        try:
            seed = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ImproperlyConfigured(f"TOKEN_SIGNING_KEYS: {kid} is not base64") from error
        if not _KEY_ID.fullmatch(kid) or len(seed) != 32 or kid in loaded:
            raise ImproperlyConfigured("TOKEN_SIGNING_KEYS wants unique kid:base64(32 bytes)")
        loaded[kid] = _key(kid, seed)
    return loaded


def _key(kid: str, seed: bytes) -> TokenKey:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return TokenKey(
        kid,
        private,
        private.public_key(),
        _derive(seed, b"voltop refresh token 1"),
        _derive(seed, b"voltop attempt window 1"),
        _derive(seed, b"voltop one-time code 1"),
    )


def _derive(seed: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose).derive(seed)


# --- Access tokens of people ---------------------------------------------------------------------
def issue_access(*, user_id: int, token_version: int, family: uuid.UUID, at: datetime) -> str:
    """A signed access token, good for `ACCESS_LIFETIME_S` from `at`."""
    key = current_key()
    issued = int(at.timestamp())
    claims = {
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "sub": str(user_id),
        "tv": token_version,
        "fam": str(family),
        "iat": issued,
        "exp": issued + ACCESS_LIFETIME_S,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(
        claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": ACCESS_TYPE}
    )


def read_access(raw: str, *, at: datetime) -> AccessClaims:
    """The claims of a genuine, unexpired access token; raises InvalidToken (401) for all else."""
    key = _key_of(raw)
    try:
        claims = jwt.decode(
            raw,
            key.public,
            algorithms=[ALGORITHM],
            audience=settings.TOKEN_AUDIENCE,
            issuer=settings.TOKEN_ISSUER,
            options={
                "require": list(CLAIMS),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "strict_aud": True,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken() from error
    return _claims(claims, int(at.timestamp()))


def _key_of(raw: str) -> TokenKey:
    """The server key that the token's header names, once its form is exactly the one we issue."""
    if len(raw) > MAX_TOKEN_CHARS or not _COMPACT.fullmatch(raw):
        raise InvalidToken()
    try:
        header = jwt.get_unverified_header(raw)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken() from error
    key_id = header.get("kid")
    key = keys().get(key_id) if isinstance(key_id, str) else None
    if key is None or header != {"alg": ALGORITHM, "kid": key.kid, "typ": ACCESS_TYPE}:
        raise InvalidToken()
    return key


def _claims(claims: dict[str, object], now_s: int) -> AccessClaims:
    """Types and times of claims whose signature holds."""
    if set(claims) != set(CLAIMS):
        raise InvalidToken()
    sub, version, family, token_id = (claims[name] for name in ("sub", "tv", "fam", "jti"))
    issued, expires = claims["iat"], claims["exp"]
    if not (isinstance(sub, str) and re.fullmatch(r"[1-9][0-9]{0,17}", sub)):
        raise InvalidToken()
    if type(version) is not int or type(issued) is not int or type(expires) is not int:
        raise InvalidToken()
    if not isinstance(family, str) or not isinstance(token_id, str):
        raise InvalidToken()
    if not issued - CLOCK_SKEW_S <= now_s < expires <= issued + ACCESS_LIFETIME_S:
        raise InvalidToken()
    try:
        key = uuid.UUID(family)
    except ValueError as error:
        raise InvalidToken() from error
    return AccessClaims(int(sub), version, key, token_id, expires)


# --- Opaque tokens -------------------------------------------------------------------------------
def derive_refresh(key: TokenKey, *, family: uuid.UUID, generation: int) -> str:
    """The refresh token of one generation: the same for the same arguments, always."""
    message = b"%s/%d" % (family.bytes, generation)
    return "vtr_" + _urlsafe(hmac.digest(key.refresh_secret, message, "sha256"))


def new_client_token() -> str:
    """A fresh bearer token of an API client."""
    return "vta_" + secrets.token_urlsafe(32)


def new_client_secret() -> str:
    """A fresh secret of an API client."""
    return "vts_" + secrets.token_urlsafe(32)


def new_client_id() -> str:
    """A fresh public name of an API client."""
    return "vtc_" + secrets.token_urlsafe(18)


def new_challenge() -> str:
    """A fresh challenge: what the asker of a code shows again beside the code."""
    return "vtq_" + secrets.token_urlsafe(32)


def new_socket_ticket() -> str:
    """A fresh ticket for one socket."""
    return "vtw_" + secrets.token_urlsafe(32)


def derive_digits(key: TokenKey, row: uuid.UUID) -> str:
    """The six digits of a one-time code: the same for the same row, always."""
    digest = hmac.digest(key.code_secret, b"digits/" + row.bytes, "sha256")
    return f"{int.from_bytes(digest[:16]) % 1_000_000:06d}"


def derive_letters(key: TokenKey, row: uuid.UUID) -> str:
    """The sixteen letters and digits (RFC 4648 base32, 80 bits) of an invitation."""
    digest = hmac.digest(key.code_secret, b"letters/" + row.bytes, "sha256")
    return base64.b32encode(digest[:10]).decode()


def hash_token(raw: str) -> str:
    """What is stored of a token or secret of at least 80 random bits: its SHA-256 in hex."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def lookup_hash(value: str) -> str:
    """An HMAC for looking up a value that is guessable (an e-mail, an address), in hex."""
    message = value.encode("utf-8", "surrogatepass")
    return hmac.digest(current_key().lookup_secret, message, "sha256").hex()


def _urlsafe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
