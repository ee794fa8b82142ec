"""Logging in: who gets in, and that nobody learns anything from a refusal."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from fleets import limits, tokens
from fleets.models import AttemptWindow, RefreshFamily, RefreshToken, User
from fleets.services import auth
from fleets.tests.logins import PASSWORD, PHONE_ID, Api, log_in, make_user, problem
from voltop import clock
from voltop.addresses import client_address

pytestmark = pytest.mark.django_db


@pytest.fixture
def hashes(monkeypatch) -> list[str]:
    """Collects a mark for each password hash that is worked out."""
    counted: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self, password, salt):
        counted.append("hash")
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    return counted


def attempt(
    login: str, password: str = PASSWORD, address: str = "198.51.100.7", **headers: str
) -> Any:
    return Api(address=address).post(
        "auth/token", {"login": login, "password": password}, **headers
    )


@pytest.mark.parametrize(
    "login", ["ana@example.com", "ANA@Example.COM", " ana@example.com ", "+52 1 (55) 1234-5678"]
)
def test_a_person_logs_in_by_email_in_any_case_or_by_phone(login):
    make_user(phone="+5215512345678")
    answer = attempt(login)
    assert answer.status_code == 200
    pair = answer.json()
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in_s"] == 600
    assert Api(pair["access_token"]).get("auth/me").json()["email"] == "ana@example.com"


def test_a_password_keeps_its_spaces():
    user = User.objects.create_user("pad@example.com", " pad pad pad ")
    assert attempt(user.email, " pad pad pad ").status_code == 200
    assert attempt(user.email, "pad pad pad").status_code == 401
    assert attempt(user.email, " pad pad pad").status_code == 401


def test_nothing_that_opens_anything_is_stored():
    make_user()
    api = log_in(device_id=PHONE_ID)
    family, token = RefreshFamily.objects.get(), RefreshToken.objects.get()
    stored = [str(value) for row in (family, token) for value in vars(row).values()]
    secrets = (api.token, api.refresh_token, PHONE_ID)
    assert not [s for s in secrets for value in stored if s in value]
    assert token.token_hash == tokens.hash_token(api.refresh_token)
    assert family.device_label == "Pixel"


def refusals() -> dict[str, Any]:
    """Every way of being refused for who one is, each from an address of its own."""
    make_user("wrong@example.com")
    make_user("disabled@example.com", is_active=False)
    User.objects.create_user("nopassword@example.com", None)
    make_user("phone@example.com", phone="+5215512345678")
    return {
        "unknown": ("nobody@example.com", PASSWORD),
        "unknown phone": ("+4915112345678", PASSWORD),
        "no name at all": ("%%%", PASSWORD),
        "wrong": ("wrong@example.com", "not the password"),
        "wrong by phone": ("+5215512345678", "not the password"),
        "disabled": ("disabled@example.com", PASSWORD),
        "disabled, wrong": ("disabled@example.com", "not the password"),
        "no password": ("nopassword@example.com", PASSWORD),
        "no password, unusable one": ("nopassword@example.com", "!"),
    }


def test_every_refusal_looks_alike_and_costs_one_hash(hashes):
    seen = {}
    for name, (login, password) in refusals().items():
        hashes.clear()
        answer = attempt(login, password)
        headers = {k: v for k, v in answer.headers.items() if k != "X-Request-Id"}
        seen[name] = (*problem(answer), headers, len(hashes))
    expected = seen["wrong"]
    assert expected[0] == 401
    assert expected[1]["code"] == "invalid_credentials"
    assert expected[3] == 1
    assert {name for name, value in seen.items() if value != expected} == set()


def test_the_limit_answers_alike_for_known_unknown_and_disabled_names(hashes):
    answers = []
    for name, (login, password) in refusals().items():
        if name.startswith(("unknown", "wrong", "disabled")):
            for _try in range(5):
                attempt(login, password, address=f"203.0.113.{len(answers)}")
            hashes.clear()
            answer = attempt(login, password, address=f"203.0.113.{len(answers)}")
            answers.append(problem(answer))
            assert 890 <= int(answer["Retry-After"]) <= 900
            assert hashes == []
    first = answers[0]
    assert first[0] == 429
    assert first[1]["code"] == "too_many_attempts"
    assert all(answer == first for answer in answers)


def test_a_right_password_does_not_pass_the_limit():
    make_user()
    for _try in range(5):
        attempt("ana@example.com", "not the password")
    assert attempt("ana@example.com").status_code == 429


def test_email_and_phone_of_one_person_share_their_slots():
    make_user(phone="+5215512345678")
    for n in range(5):
        attempt("ana@example.com" if n % 2 else "+5215512345678", "not the password")
    assert attempt("+5215512345678").status_code == 429
    assert attempt("ana@example.com").status_code == 429


def test_logging_in_well_uses_up_no_slots():
    make_user()
    for _try in range(12):
        assert attempt("ana@example.com").status_code == 200
    assert list(AttemptWindow.objects.values_list("hits", flat=True)) == [[], []]


def test_an_address_is_limited_over_all_names(settings):
    for n in range(50):
        assert attempt(f"n{n}@example.com").status_code == 401
    make_user()
    assert attempt("ana@example.com").status_code == 429
    assert attempt("ana@example.com", address="198.51.100.8").status_code == 200


FORGED_ADDRESSES = [
    {"X-Forwarded-For": "203.0.113.1"},
    {"X-Forwarded-For": "203.0.113.1, 203.0.113.2"},
    {"X-Forwarded-For": "203.0.113.3,198.51.100.7"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": ""},
    {"X-Forwarded-For": ","},
    {"X-Forwarded-For": "unknown"},
    {"X-Forwarded-For": "2001:db8::1"},
    {"X-Forwarded-For": "[2001:db8::1]:443"},
    {"X-Forwarded-For": "203.0.113.1:1234"},
    {"X-Real-IP": "203.0.113.4"},
    {"X-Client-IP": "203.0.113.4"},
    {"X-Cluster-Client-IP": "203.0.113.4"},
    {"X-Originating-IP": "203.0.113.4"},
    {"X-Remote-IP": "203.0.113.4"},
    {"X-Remote-Addr": "203.0.113.4"},
    {"True-Client-IP": "203.0.113.4"},
    {"CF-Connecting-IP": "203.0.113.4"},
    {"Forwarded": "for=203.0.113.5"},
    {"Via": "1.1 203.0.113.6"},
]


@pytest.mark.parametrize(
    "headers", FORGED_ADDRESSES, ids=lambda h: "{}: {}".format(*next(iter(h.items())))
)
def test_headers_do_not_make_another_address(headers, rf):
    request = rf.get("/", headers=headers, REMOTE_ADDR="198.51.100.7")
    assert client_address(request) == "198.51.100.7"


@pytest.mark.parametrize(
    ("forwarded", "remote", "expected"),
    [
        ("203.0.113.1", "10.0.0.1", "203.0.113.1"),
        ("198.51.100.99, 203.0.113.1", "10.0.0.1", "203.0.113.1"),
        ("evil, 203.0.113.1", "10.0.0.1", "203.0.113.1"),
        ("203.0.113.1, evil", "10.0.0.1", "unknown"),
        ("", "10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "10.0.0.1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.1", "10.0.0.1", "203.0.113.1"),
    ],
)
def test_behind_one_proxy_the_address_is_what_that_proxy_saw(
    forwarded, remote, expected, rf, settings
):
    settings.TRUSTED_PROXIES = 1
    request = rf.get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=remote)
    assert client_address(request) == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"login": "ana@example.com"}, "required"),
        ({"login": "ana@example.com", "password": 5}, "string_expected"),
        ({"login": None, "password": PASSWORD}, "null"),
        ({"login": "a" * 255, "password": PASSWORD}, "too_long"),
        ({"login": "ana@example.com", "password": "p" * 1025}, "too_long"),
        ({"login": "ana\u0000", "password": PASSWORD}, "null_characters_not_allowed"),
        ({"login": "ana@example.com", "password": PASSWORD, "admin": True}, "unknown_field"),
        (
            {"login": "ana@example.com", "password": PASSWORD, "device": {"id": "short"}},
            "too_short",
        ),
        ({"login": "ana@example.com", "password": PASSWORD, "device": "x"}, "object_expected"),
    ],
)
def test_what_is_no_log_in_is_refused_before_anything_is_hashed(body, code, hashes):
    make_user()
    hashes.clear()
    answer = Api().post("auth/token", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert hashes == []
    assert not AttemptWindow.objects.exists()


def test_a_service_hashes_no_endless_password(hashes):
    make_user()
    hashes.clear()
    with pytest.raises(auth.InvalidCredentials):
        auth.log_in(login="ana@example.com", password="p" * 1025, address="a", device=auth.Device())
    assert hashes == []


def test_an_expired_token_sent_along_does_not_hinder_logging_in():
    make_user()
    answer = attempt("ana@example.com", Authorization="Bearer nonsense")
    assert answer.status_code == 200


def test_an_idempotency_key_is_refused_where_secrets_are_answered():
    make_user()
    answer = attempt("ana@example.com", **{"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_refused")


def test_answers_with_tokens_are_stored_by_no_cache():
    make_user()
    assert "no-store" in attempt("ana@example.com")["Cache-Control"]


def test_old_windows_are_forgotten():
    attempt("nobody@example.com")
    assert limits.forget_before(clock.now() - timedelta(hours=1)) == 0
    assert limits.forget_before(clock.now() + timedelta(hours=1)) == 2
