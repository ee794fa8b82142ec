"""The OAuth2 token endpoint: client credentials (RFC 6749 §4.4) and nothing else."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from fleets import services, tokens
from fleets.models import ApiAccessToken, ApiClient, FleetProvider, Membership
from fleets.services import api_clients
from fleets.tests.logins import SYSTEM, Api, make_provider
from voltop import clock
from voltop.context import Actor

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def made() -> tuple[ApiClient, str]:
    provider = make_provider()
    return api_clients.create_client(
        provider,
        actor=Actor.system("tests", provider.pk),
        name="Bridge",
        wanted=["fleets:read", "fleets:write"],
    )


def ask(body: str | bytes, authorization: str = "", kind: str = FORM, **more: str) -> Any:
    headers = {"Authorization": authorization} if authorization else {}
    raw = body if isinstance(body, bytes) else body.encode()
    return Api(**more).post("oauth/token", raw, content_type=kind, **headers)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def in_form(client: ApiClient, secret: str, **more: str) -> str:
    fields = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": secret,
    } | more
    return "&".join(f"{name}={value}" for name, value in fields.items())


def test_a_client_shows_its_secret_by_http_basic(made):
    client, secret = made
    answer = ask("grant_type=client_credentials", basic(client.client_id, secret))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["scope"] == "fleets:read fleets:write"
    assert "no-store" in answer["Cache-Control"]
    assert Api(body["access_token"]).get("api-clients").status_code == 403


def test_a_client_shows_its_secret_in_the_form(made):
    assert ask(in_form(*made)).status_code == 200


def test_a_client_may_ask_for_less(made):
    answer = ask(in_form(*made, scope="fleets:read"))
    assert answer.json()["scope"] == "fleets:read"
    assert ApiAccessToken.objects.get().scope == "fleets:read"


@pytest.mark.parametrize("scope", ["payments:read", "fleets:read+payments:read", "openid", "%00"])
def test_a_client_may_not_ask_for_more(made, scope):
    answer = ask(in_form(*made, scope=scope))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_token_is_kept_as_a_hash_only(made):
    client, secret = made
    raw = ask(in_form(*made)).json()["access_token"]
    token = ApiAccessToken.objects.get()
    assert token.token_checksum == tokens.hash_token(raw)
    assert token.provider_id == client.provider_id
    assert raw not in str(list(ApiAccessToken.objects.values()))
    client.refresh_from_db()
    assert client.last_token_at is not None
    assert secret not in str(vars(client))


@pytest.mark.parametrize(
    ("model", "column"), [(ApiClient, "client_secret"), (ApiAccessToken, "token_checksum")]
)
def test_the_database_refuses_what_is_no_hash(made, model, column):
    ask(in_form(*made))
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**{column: "vts_clear"})


def test_no_table_of_other_grants_is_ever_written(made):
    for grant in ("client_credentials", "password", "refresh_token", "authorization_code"):
        ask(in_form(*made, grant_type=grant, username="u", password="p", code="c"))
    others = [m for m in apps.get_app_config("oauth2_provider").get_models() if not m._meta.swapped]
    assert {m.__name__ for m in others} == {"Grant", "RefreshToken", "IDToken", "DeviceGrant"}
    assert not any(m.objects.exists() for m in others)


def spoilt(client: ApiClient, secret: str) -> dict[str, tuple[str | bytes, str]]:
    """Client credentials that are not: (form, Authorization)."""
    grant = "grant_type=client_credentials"
    return {
        "no credentials": (grant, ""),
        "unknown client": (grant, basic("vtc_unknown", secret)),
        "wrong secret": (grant, basic(client.client_id, "vts_wrong")),
        "empty secret": (grant, basic(client.client_id, "")),
        "secret not ASCII": (grant, basic(client.client_id, "é")),
        "the stored hash as secret": (grant, basic(client.client_id, client.client_secret)),
        "wrong secret in the form": (in_form(client, "vts_wrong"), ""),
        "client id alone": (f"{grant}&client_id={client.client_id}", ""),
        "client id with NUL": (f"{grant}&client_id=a%00b&client_secret=x", ""),
        "client id by Basic with NUL": (grant, basic("a\x00b", "x")),
        "client id of 10,000 letters": (grant, basic("a" * 5_000, "x")),
        "client id a URL": (grant, basic("https://evil.example/client.json", "x")),
        "client id an SQL injection": (grant, basic("' OR 1=1 --", "x")),
        "Basic that is no base64": (grant, "Basic !!!"),
        "Basic that is not ASCII": (grant, "Basic é"),
        "Basic without a colon": (grant, "Basic " + base64.b64encode(b"abc").decode()),
        "Basic that is not UTF-8": (grant, "Basic " + base64.b64encode(b"\xff:\xff").decode()),
        "Basic without anything": (grant, "Basic"),
        "Bearer": (grant, f"Bearer {secret}"),
    }


def test_who_is_not_a_client_is_refused_alike(made):
    answers = {}
    for name, (form, authorization) in spoilt(*made).items():
        answer = ask(form, authorization)
        headers = {k: v for k, v in answer.headers.items() if k != "X-Request-Id"}
        answers[name] = (answer.status_code, answer.content, headers)
    expected = answers["wrong secret"]
    assert expected[0] == 401
    assert b'"invalid_client"' in expected[1]
    assert expected[2]["WWW-Authenticate"].startswith("Basic")
    assert {name for name, answer in answers.items() if answer != expected} == set()
    assert not ApiAccessToken.objects.exists()


MALFORMED: dict[str, tuple[bytes, str]] = {
    "JSON": (b'{"grant_type":"client_credentials"}', "application/json"),
    "no content type": (b"grant_type=client_credentials", ""),
    "multipart": (b"--x--", "multipart/form-data; boundary=x"),
    "a parameter twice": (b"grant_type=client_credentials&grant_type=password", FORM),
    "not UTF-8": (b"grant_type=%ff", FORM),
    "raw bytes": (b"\xff\xfe\x00", FORM),
    "NUL": (b"grant_type=a\x00b", FORM),
    "21 parameters": ("&".join(f"a{n}=1" for n in range(21)).encode(), FORM),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_form_is_an_invalid_request(name):
    body, kind = MALFORMED[name]
    answer = ask(body, kind=kind)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("body", [b"", b"a=b", b"=", b"&&&", b"grant_type=", b"grant_type=%41"])
def test_a_form_without_a_known_grant_is_refused(body, made):
    client, secret = made
    answer = ask(body, basic(client.client_id, secret))
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "refresh_token",
        "authorization_code",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "CLIENT_CREDENTIALS",
        "client_credentials%20",
    ],
)
def test_no_other_grant_is_offered(grant, made):
    answer = ask(in_form(*made, grant_type=grant))
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_a_body_too_large_gets_a_problem_document():
    answer = ask(b"a=" + b"b" * 9_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_taken(method):
    answer = Api().send(method, "oauth/token")
    assert answer.status_code == 405


def test_guessing_secrets_is_limited_by_address_and_success_is_not(made):
    for _n in range(60):
        assert ask(in_form(*made)).status_code == 200
    for _n in range(50):
        assert ask(in_form(made[0], "vts_wrong")).status_code == 401
    answer = ask(in_form(*made))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer["Retry-After"]) > 0
    assert ask(in_form(*made), address="198.51.100.9").status_code == 200


def test_a_token_lasts_an_hour(made, time_machine):
    start = clock.now()
    api = Api(ask(in_form(*made)).json()["access_token"])
    time_machine.move_to(start + timedelta(minutes=59))
    assert api.get("api-clients").status_code == 403
    time_machine.move_to(start + timedelta(minutes=61))
    assert api.get("api-clients").status_code == 401


def test_a_closed_provider_has_no_clients(made):
    api = Api(ask(in_form(*made)).json()["access_token"])
    provider = FleetProvider.objects.get()
    assert not Membership.objects.exists()
    services.suspend_provider(provider, actor=SYSTEM, reason="moved")
    services.close_provider(provider, actor=SYSTEM, reason="moved")
    assert api.get("api-clients").status_code == 401
    assert ask(in_form(*made)).json()["error"] == "invalid_client"
