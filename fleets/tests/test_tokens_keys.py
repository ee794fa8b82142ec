"""Server keys: how they are told, and what is derived from them."""

import base64
import uuid

import pytest
from django.core.exceptions import ImproperlyConfigured

from fleets import tokens
from fleets.errors import InvalidToken
from voltop import clock

FAMILY = uuid.UUID("5a0e6f8c-0000-4000-8000-000000000001")


def key(letter: str, kid: str = "") -> str:
    return f"{kid or letter}:{base64.b64encode(letter.encode() * 32).decode()}"


@pytest.mark.parametrize(
    "entries",
    [
        ["k1"],
        ["k1:"],
        ["k1:not base64!"],
        ["k1:" + base64.b64encode(b"x" * 31).decode()],
        ["k1:" + base64.b64encode(b"x" * 64).decode()],
        [key("a", kid="k 1")],
        [key("a", kid="k" * 33)],
        [":" + key("a").partition(":")[2]],
        [key("a", kid="k1"), key("b", kid="k1")],
    ],
)
def test_a_key_that_is_none_stops_the_server(entries, settings):
    settings.TOKEN_SIGNING_KEYS = entries
    with pytest.raises(ImproperlyConfigured):
        tokens.keys()


def test_the_first_key_signs_and_all_verify(settings):
    at = clock.now()
    settings.TOKEN_SIGNING_KEYS = [key("a")]
    old = tokens.issue_access(user_id=1, token_version=1, family=FAMILY, at=at)
    settings.TOKEN_SIGNING_KEYS = [key("b"), key("a")]
    new = tokens.issue_access(user_id=1, token_version=1, family=FAMILY, at=at)
    assert tokens.read_access(old, at=at).user_id == tokens.read_access(new, at=at).user_id == 1
    settings.TOKEN_SIGNING_KEYS = [key("b")]
    assert tokens.read_access(new, at=at).family == FAMILY
    with pytest.raises(InvalidToken):
        tokens.read_access(old, at=at)


def test_one_kid_with_another_key_verifies_nothing(settings):
    at = clock.now()
    settings.TOKEN_SIGNING_KEYS = [key("a", kid="k")]
    token = tokens.issue_access(user_id=1, token_version=1, family=FAMILY, at=at)
    settings.TOKEN_SIGNING_KEYS = [key("b", kid="k")]
    with pytest.raises(InvalidToken):
        tokens.read_access(token, at=at)


def test_a_token_of_another_house_is_refused(settings):
    at = clock.now()
    token = tokens.issue_access(user_id=1, token_version=1, family=FAMILY, at=at)
    settings.TOKEN_ISSUER = "https://other.example"
    with pytest.raises(InvalidToken):
        tokens.read_access(token, at=at)


def test_without_configured_keys_this_instance_has_one_of_its_own(settings):
    settings.TOKEN_SIGNING_KEYS = []
    assert list(tokens.keys()) == ["local"]
    assert tokens.current_key() is tokens.current_key()


def test_a_refresh_token_is_the_same_for_the_same_generation_only(settings):
    settings.TOKEN_SIGNING_KEYS = [key("a"), key("b")]
    first, second = tokens.keys().values()
    derived = [
        tokens.derive_refresh(first, family=FAMILY, generation=1),
        tokens.derive_refresh(first, family=FAMILY, generation=2),
        tokens.derive_refresh(first, family=uuid.uuid4(), generation=1),
        tokens.derive_refresh(second, family=FAMILY, generation=1),
    ]
    assert len(set(derived)) == 4
    assert derived[0] == tokens.derive_refresh(first, family=FAMILY, generation=1)
    assert all(len(token) == len("vtr_") + 43 for token in derived)


def test_what_is_derived_for_one_use_is_not_the_seed_nor_another_use(settings):
    settings.TOKEN_SIGNING_KEYS = [key("a")]
    server = tokens.current_key()
    secrets = {server.private.private_bytes_raw(), server.refresh_secret, server.lookup_secret}
    assert len(secrets) == 3


def test_fresh_secrets_hold_256_random_bits():
    for make, prefix in ((tokens.new_client_token, "vta_"), (tokens.new_client_secret, "vts_")):
        made = {make() for _n in range(100)}
        assert len(made) == 100
        assert {(secret[:4], len(secret)) for secret in made} == {(prefix, 4 + 43)}
