"""Forged, stale and foreign access tokens: none is accepted, none breaks anything."""

import base64
import gzip
import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from fleets import tokens
from fleets.models import RefreshFamily, User
from fleets.tests.logins import Api, join, log_in, make_provider, make_user
from voltop import clock

pytestmark = pytest.mark.django_db

VECTORS = (
    Path(os.environ.get("DATA", Path(settings.BASE_DIR).parent / "shared" / "data"))
    / "jose-vectors"
)


def encode(part: bytes | dict[str, Any]) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(header: Any, claims: Any, key: Any = None) -> str:
    """A compact token over exactly these bytes, signed with our own key unless another is given."""
    signed = f"{encode(header)}.{encode(claims)}"
    private = key or tokens.current_key().private
    return f"{signed}.{encode(private.sign(signed.encode()))}"


class Genuine:
    """The parts of a token that works, to be spoilt one at a time."""

    def __init__(self, user: User, family: uuid.UUID) -> None:
        now = int(clock.now().timestamp())
        self.now = now
        self.header = {"alg": "EdDSA", "kid": tokens.current_key().kid, "typ": "at+jwt"}
        self.claims = {
            "iss": settings.TOKEN_ISSUER,
            "aud": settings.TOKEN_AUDIENCE,
            "sub": str(user.pk),
            "tv": user.token_version,
            "fam": str(family),
            "iat": now,
            "exp": now + 600,
            "jti": str(uuid.uuid4()),
        }

    def token(self) -> str:
        return sign(self.header, self.claims)

    def with_header(self, **changes: Any) -> str:
        return sign(self.header | changes, self.claims)

    def with_claims(self, **changes: Any) -> str:
        return sign(self.header, self.claims | changes)

    def without(self, name: str) -> str:
        return sign(self.header, {k: v for k, v in self.claims.items() if k != name})

    def hmac_token(self, algorithm: str, digest: Any, secret: bytes) -> str:
        signed = f"{encode(self.header | {'alg': algorithm})}.{encode(self.claims)}"
        return f"{signed}.{encode(hmac.digest(secret, signed.encode(), digest))}"


def public_bytes(form: str) -> bytes:
    public = tokens.current_key().public
    if form == "raw":
        return public.public_bytes_raw()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def own_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().public_bytes_raw())}


def with_own_key_in_header(g: Genuine) -> str:
    mine = Ed25519PrivateKey.generate()
    return sign({"alg": "EdDSA", "typ": "at+jwt", "jwk": own_jwk(mine)}, g.claims, mine)


def with_pyjwt(g: Genuine, key: Any, algorithm: str) -> str:
    headers = {"kid": g.header["kid"], "typ": "at+jwt"}
    return jwt.encode(g.claims, key, algorithm=algorithm, headers=headers)


def spoilt_signature(g: Genuine) -> str:
    signed, _, signature = g.token().rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[0] ^= 1
    return f"{signed}.{encode(bytes(raw))}"


def other_spelling_of_the_signature(g: Genuine) -> str:
    """86 characters carry 516 bits for 512: the last character has sixteen spellings."""
    token = g.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def signature_plus_group_order(g: Genuine) -> str:
    """Ed25519's malleable twin: S + L instead of S (RFC 8032 §5.1.7 refuses it)."""
    order = 2**252 + 27742317777372353535851937790883648493
    signed, _, signature = g.token().rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = int.from_bytes(raw[32:], "little") + order
    return f"{signed}.{encode(raw[:32] + twin.to_bytes(32, 'little'))}"


def doubled_key(part: dict[str, Any], key: str, value: Any) -> bytes:
    """JSON in which `key` stands twice, the genuine value last."""
    return (json.dumps({key: value})[:-1] + ", " + json.dumps(part)[1:]).encode()


FORGERIES: dict[str, Callable[[Genuine], Any]] = {
    "alg none, no signature": lambda g: f"{encode(g.header | {'alg': 'none'})}.{encode(g.claims)}.",
    "alg None, signed": lambda g: g.with_header(alg="None"),
    "alg nOnE, signature kept": lambda g: g.with_header(alg="nOnE"),
    "alg missing": lambda g: sign({"kid": g.header["kid"], "typ": "at+jwt"}, g.claims),
    "alg null": lambda g: g.with_header(alg=None),
    "alg a list": lambda g: g.with_header(alg=["EdDSA"]),
    "alg in lower case": lambda g: g.with_header(alg="eddsa"),
    "alg Ed25519": lambda g: g.with_header(alg="Ed25519"),
    "HS256 with our public key, raw": lambda g: g.hmac_token(
        "HS256", "sha256", public_bytes("raw")
    ),
    "HS256 with our public key, PEM": lambda g: g.hmac_token(
        "HS256", "sha256", public_bytes("pem")
    ),
    "HS256 with an empty secret": lambda g: g.hmac_token("HS256", "sha256", b""),
    "HS512 with the key id": lambda g: g.hmac_token("HS512", "sha512", g.header["kid"].encode()),
    "RS256 with a key of one's own": lambda g: with_pyjwt(
        g, rsa.generate_private_key(65537, 2048), "RS256"
    ),
    "ES256 with a key of one's own": lambda g: with_pyjwt(
        g, ec.generate_private_key(ec.SECP256R1()), "ES256"
    ),
    "Ed448 with a key of one's own": lambda g: with_pyjwt(
        g, ed448.Ed448PrivateKey.generate(), "EdDSA"
    ),
    "Ed25519 with a key of one's own": lambda g: sign(
        g.header, g.claims, Ed25519PrivateKey.generate()
    ),
    "key in the header": with_own_key_in_header,
    "key in the header beside our kid": lambda g: g.with_header(
        jwk=own_jwk(Ed25519PrivateKey.generate())
    ),
    "jku": lambda g: g.with_header(jku="https://evil.example/keys.json"),
    "x5u": lambda g: g.with_header(x5u="https://evil.example/cert.pem"),
    "x5c": lambda g: g.with_header(x5c=["AAAA"]),
    "crit": lambda g: g.with_header(crit=["exp"]),
    "b64 false": lambda g: g.with_header(b64=False, crit=["b64"]),
    "kid missing": lambda g: sign({"alg": "EdDSA", "typ": "at+jwt"}, g.claims),
    "kid unknown": lambda g: g.with_header(kid="other"),
    "kid a path": lambda g: g.with_header(kid="../../../../dev/null"),
    "kid an SQL injection": lambda g: g.with_header(kid="local' OR '1'='1"),
    "kid a number": lambda g: g.with_header(kid=1),
    "kid a list": lambda g: g.with_header(kid=[g.header["kid"]]),
    "kid an object": lambda g: g.with_header(kid={"a": 1}),
    "typ JWT": lambda g: g.with_header(typ="JWT"),
    "typ of a refresh token": lambda g: g.with_header(typ="rt+jwt"),
    "typ missing": lambda g: sign({"alg": "EdDSA", "kid": g.header["kid"]}, g.claims),
    "compressed": lambda g: g.with_header(zip="DEF"),
    "header not JSON": lambda g: sign(b"{alg: EdDSA}", g.claims),
    "header a list": lambda g: sign(b"[]", g.claims),
    "header a number": lambda g: sign(b"1", g.claims),
    "header not UTF-8": lambda g: sign(b'{"alg":"\xff"}', g.claims),
    "header nested 1000 deep": lambda g: sign(b"[" * 600 + b"]" * 600, g.claims),
    "aud of another service": lambda g: g.with_claims(aud="other-api"),
    "aud a list with ours": lambda g: g.with_claims(aud=["other-api", settings.TOKEN_AUDIENCE]),
    "aud missing": lambda g: g.without("aud"),
    "iss of another house": lambda g: g.with_claims(iss="https://evil.example"),
    "iss missing": lambda g: g.without("iss"),
    "exp one second ago": lambda g: g.with_claims(exp=g.now - 1),
    "exp this very second": lambda g: g.with_claims(exp=g.now),
    "exp missing": lambda g: g.without("exp"),
    "exp a string": lambda g: g.with_claims(exp=str(g.now + 600)),
    "exp a float": lambda g: g.with_claims(exp=g.now + 600.5),
    "exp true": lambda g: g.with_claims(exp=True),
    "exp endless": lambda g: sign(g.header, json.dumps(g.claims | {"exp": 1e400}).encode()),
    "exp of 400 digits": lambda g: g.with_claims(exp=int("9" * 400)),
    "nbf in a minute": lambda g: g.with_claims(nbf=g.now + 60),
    "iat in two minutes": lambda g: g.with_claims(iat=g.now + 120),
    "iat missing": lambda g: g.without("iat"),
    "sub of nobody": lambda g: g.with_claims(sub="999999999"),
    "sub zero": lambda g: g.with_claims(sub="0"),
    "sub a number": lambda g: g.with_claims(sub=int(g.claims["sub"])),
    "sub beyond bigint": lambda g: g.with_claims(sub="9" * 30),
    "sub with NUL": lambda g: g.with_claims(sub=g.claims["sub"] + "\x00"),
    "sub in other digits": lambda g: g.with_claims(sub="١"),
    "sub missing": lambda g: g.without("sub"),
    "tv of yesterday": lambda g: g.with_claims(tv=g.claims["tv"] - 1),
    "tv of tomorrow": lambda g: g.with_claims(tv=g.claims["tv"] + 1),
    "tv true": lambda g: g.with_claims(tv=True),
    "tv a string": lambda g: g.with_claims(tv=str(g.claims["tv"])),
    "tv beyond integer": lambda g: g.with_claims(tv=2**40),
    "tv beyond bigint": lambda g: g.with_claims(tv=2**70),
    "fam unknown": lambda g: g.with_claims(fam=str(uuid.uuid4())),
    "fam no UUID": lambda g: g.with_claims(fam="x"),
    "fam a list": lambda g: g.with_claims(fam=[g.claims["fam"]]),
    "fam missing": lambda g: g.without("fam"),
    "jti a list": lambda g: g.with_claims(jti=[]),
    "claims more than ours": lambda g: g.with_claims(admin=True),
    "claims not JSON": lambda g: sign(g.header, b"sub=1"),
    "claims a list": lambda g: sign(g.header, b"[]"),
    "claims not UTF-8": lambda g: sign(g.header, b'{"sub":"\xff"}'),
    "claims empty": lambda g: sign(g.header, b""),
    "sub twice": lambda g: sign(g.header, doubled_key(g.claims, "admin", 1)),
    "claims changed, signature kept": lambda g: ".".join(
        (g.token().split(".")[0], encode(g.claims | {"sub": "1"}), g.token().split(".")[2])
    ),
    "signature spoilt": spoilt_signature,
    "signature spelt otherwise": other_spelling_of_the_signature,
    "signature's malleable twin": signature_plus_group_order,
    "signature empty": lambda g: g.token().rpartition(".")[0] + ".",
    "signature of zeros": lambda g: g.token().rpartition(".")[0] + "." + encode(bytes(64)),
    "signature too long": lambda g: g.token() + "AAAA",
    "signature padded": lambda g: g.token() + "==",
    "standard base64": lambda g: g.token().replace("-", "+").replace("_", "/") + "+",
    "line break inside": lambda g: g.token()[:40] + "\t" + g.token()[40:],
    "two parts": lambda g: g.token().rpartition(".")[0],
    "four parts": lambda g: g.token() + "." + encode(b"x"),
    "five parts, like JWE": lambda g: ".".join([encode(b"x")] * 5),
    "dots only": lambda g: "..",
    "20 kB": lambda g: g.with_claims(jti="x" * 15_000),
    "20 kB of dots": lambda g: "." * 20_000,
    "not ASCII": lambda g: "é" * 20,
    "bytes that are not UTF-8": lambda g: b"Bearer \xff\xfe.\xff.\xff".decode("latin-1")[7:],
    "empty": lambda g: "",
    "two tokens": lambda g: f"{g.token()} {g.token()}",
    "two tokens, one header": lambda g: f"{g.token()}, Bearer {g.token()}",
    "client token unknown": lambda g: "vta_" + "A" * 43,
    "client token of 20 kB": lambda g: "vta_" + "A" * 20_000,
    "client token not ASCII": lambda g: "vta_é",
    "client secret": lambda g: "vts_" + "A" * 43,
}


@pytest.fixture
def genuine() -> Genuine:
    user = make_user()
    join(user, make_provider())
    log_in()
    return Genuine(user, RefreshFamily.objects.get().key)


def test_the_unspoilt_token_works(genuine):
    assert Api(genuine.token()).get("auth/me").status_code == 200
    assert Api(genuine.token()).get("api-clients").status_code == 200


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused_everywhere(name, genuine):
    token = FORGERIES[name](genuine)
    headers = {"Authorization": f"Bearer {token}"}
    before = dict(RefreshFamily.objects.values().get())
    for method, path in (
        ("GET", "auth/me"),
        ("GET", "api-clients"),
        ("POST", "auth/logout"),
        ("DELETE", "api-clients/1"),
    ):
        answer = Api().send(method, path, **headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), path
    assert RefreshFamily.objects.values().get() == before


def test_there_are_at_least_forty_forgeries():
    assert len(FORGERIES) >= 40


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Digest x", "Token abc", "Bearerx"])
def test_what_is_no_bearer_token_is_no_credential(header, genuine):
    answer = Api().get("auth/me", Authorization=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_token_of_a_deleted_person_is_refused(genuine):
    token = genuine.with_claims(sub=str(User.objects.latest("id").pk + 1))
    assert Api(token).get("auth/me").status_code == 401


def test_a_token_of_another_persons_log_in_is_refused(genuine):
    make_user("bob@example.com")
    log_in("bob@example.com")
    other = RefreshFamily.objects.latest("id").key
    assert Api(genuine.with_claims(fam=str(other))).get("auth/me").status_code == 401


def test_a_token_runs_out_to_the_second(genuine, time_machine):
    token = genuine.token()
    time_machine.move_to(genuine.now + 599, tick=False)
    assert Api(token).get("auth/me").status_code == 200
    time_machine.move_to(genuine.now + 600, tick=False)
    assert Api(token).get("auth/me").status_code == 401


def test_a_clock_that_is_a_minute_behind_still_accepts(genuine, time_machine):
    time_machine.move_to(genuine.now - 59, tick=False)
    assert Api(genuine.token()).get("auth/me").status_code == 200


def published() -> list[str]:
    """Every signed token of the published vectors, good and bad ones."""
    found = []
    for path in sorted(VECTORS.glob("json_web_*.json.gz")):
        with gzip.open(path, "rt") as file:
            for group in json.load(file)["testGroups"]:
                found += [t.get("jws") or t.get("jwe") for t in group["tests"]]
    return [token for token in found if isinstance(token, str)]


def test_no_published_vector_is_accepted(genuine):
    """Wycheproof's JOSE vectors: none is signed by us, also not once it names our key."""
    if not VECTORS.is_dir():
        pytest.skip(f"no published vectors at {VECTORS}")
    vectors = published()
    assert len(vectors) > 200
    answers = set()
    for token in vectors:
        parts = token.split(".")
        renamed = ".".join([encode(genuine.header), *parts[1:]])
        for candidate in (token, renamed):
            answer = Api().get("auth/me", Authorization=f"Bearer {candidate}")
            answers.add((answer.status_code, answer.json()["code"]))
    assert answers == {(401, "invalid_token")}


def test_a_token_id_is_never_used_twice(genuine):
    at = clock.now()
    issued = {
        tokens.issue_access(user_id=1, token_version=1, family=uuid.uuid4(), at=at)
        for _n in range(50)
    }
    assert len({tokens.read_access(token, at=at).token_id for token in issued}) == 50


def test_a_hash_of_a_token_is_not_the_token():
    assert tokens.hash_token("vtr_x") == hashlib.sha256(b"vtr_x").hexdigest()
