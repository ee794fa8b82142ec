"""API clients: who makes them, what they may be granted, and how they end."""

from typing import Any

import pytest

from fleets import scopes, tokens
from fleets.errors import UnknownScope
from fleets.models import ApiAccessToken, ApiClient, AuditEntry
from fleets.principals import ClientPrincipal
from fleets.tests.logins import Api, join, log_in, make_provider, make_user, problem
from voltop import registry

pytestmark = pytest.mark.django_db

BODY = {"name": "Payroll bridge", "scopes": ["fleets:read", "fleets:write"]}


@pytest.fixture
def owner() -> Api:
    join(make_user(), make_provider())
    return log_in()


def token_of(made: dict[str, Any], **more: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
    } | more
    raw = "&".join(f"{k}={v.replace(' ', '+')}" for k, v in form.items()).encode()
    return Api().post("oauth/token", raw, content_type="application/x-www-form-urlencoded")


def as_client(made: dict[str, Any], **more: str) -> Api:
    answer = token_of(made, **more)
    assert answer.status_code == 200, answer.content
    return Api(answer.json()["access_token"])


def test_a_secret_is_shown_once_and_kept_as_a_hash(owner):
    answer = owner.post("api-clients", BODY)
    assert answer.status_code == 201
    made = answer.json()
    client = ApiClient.objects.get()
    assert client.client_secret == tokens.hash_token(made["client_secret"])
    assert answer["ETag"] == f'"{client.row_version}"'
    shown = owner.get(f"api-clients/{made['id']}").json()
    assert set(shown) == set(made) - {"client_secret"}
    assert made["client_secret"] not in str(list(ApiClient.objects.values()))
    assert made["client_secret"] not in str(list(AuditEntry.objects.values()))
    [listed] = owner.get("api-clients").json()["results"]
    assert listed == shown


def test_making_a_client_is_audited_without_its_secret(owner):
    made = owner.post("api-clients", BODY).json()
    entry = AuditEntry.objects.get(action="api_client.created")
    assert entry.object_id == str(made["id"])
    assert entry.changes == {"name": ["", BODY["name"]], "scopes": [[], sorted(BODY["scopes"])]}


@pytest.mark.parametrize(
    "wanted",
    [
        "payments:approve",
        "fleets:approve",
        "fleets.view_apiclient",
        "*",
        "fleets:*",
        "FLEETS:READ",
        "fleets:read fleets:write",
        "openid",
    ],
)
def test_what_is_no_scope_cannot_be_granted(owner, wanted):
    answer = owner.post("api-clients", BODY | {"scopes": ["fleets:read", wanted]})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_scope")
    assert answer.json()["extra"]["scopes"] == [wanted]
    assert not ApiClient.objects.exists()


def test_no_scope_opens_an_approval_or_the_house_keys():
    opened = set().union(*scopes.all_scopes().values())
    assert not [p for p in opened if p.split(".")[1].startswith(scopes.NEVER_FOR_MACHINES)]
    forbidden = ("apiclient", "membership", "auditentry", "user")
    assert not [p for p in opened if p.startswith("fleets.") and p.endswith(forbidden)]


def declare(monkeypatch: pytest.MonkeyPatch, declared: dict[str, tuple[str, ...]]) -> None:
    monkeypatch.setitem(registry._points[registry.API_SCOPES], "payments", lambda: declared)
    scopes.all_scopes.cache_clear()


@pytest.fixture(autouse=True)
def fresh_scopes() -> Any:
    scopes.all_scopes.cache_clear()
    yield
    scopes.all_scopes.cache_clear()


@pytest.mark.parametrize("codename", ["approve_paymentbatch", "override_facecheck"])
def test_an_app_cannot_declare_a_scope_that_decides(monkeypatch, codename):
    declare(monkeypatch, {"payments:write": ("add_adjustment", codename)})
    with pytest.raises(RuntimeError):
        scopes.all_scopes()


def test_an_app_cannot_declare_a_scope_of_another(monkeypatch):
    declare(monkeypatch, {"drivers:read": ("view_driver",)})
    with pytest.raises(RuntimeError):
        scopes.all_scopes()


def test_special_scopes_stand_beside_the_modules_own(monkeypatch):
    declare(
        monkeypatch, {"payments:read": ("view_payment",), "payments.bank:read": ("view_payout",)}
    )
    assert scopes.permissions_of(["payments.bank:read"]) == {"payments.view_payout"}
    assert scopes.permissions_of(["payments:read", "gone:read"]) == {"payments.view_payment"}


def test_scopes_are_sorted_and_named_once():
    assert scopes.require_known(["fleets:write", "fleets:read", "fleets:write"]) == [
        "fleets:read",
        "fleets:write",
    ]
    with pytest.raises(UnknownScope):
        scopes.require_known(["fleets:admin"])


def test_a_client_may_what_its_scopes_say_and_no_more(owner):
    made = owner.post("api-clients", BODY | {"scopes": ["fleets:read"]}).json()
    client = as_client(made)
    assert client.get("depots").json()["results"] == []
    depot = client.post("depots", {"name": "North"})
    assert (depot.status_code, depot.json()["code"]) == (403, "permission_denied")
    assert depot.json()["extra"] == {"permission": "fleets.add_depot", "scopes": ["fleets:write"]}
    answer = client.get("api-clients")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert answer.json()["extra"]["scopes"] == []
    speaks = ClientPrincipal(ApiAccessToken.objects.select_related("application").get())
    assert speaks.has_perm("fleets.view_depot")
    assert not speaks.has_perm("fleets.change_depot")
    assert not speaks.has_perm("fleets.view_membership")


def test_a_scope_taken_away_is_gone_from_living_tokens(owner):
    made = owner.post("api-clients", BODY).json()
    as_client(made)
    changed = owner.send("PATCH", f"api-clients/{made['id']}", {"scopes": ["fleets:read"]})
    assert (changed.status_code, changed.json()["scopes"]) == (200, ["fleets:read"])
    token = ApiAccessToken.objects.select_related("application").get()
    assert token.scope == "fleets:read fleets:write"
    assert not ClientPrincipal(token).has_perm("fleets.change_depot")
    entry = AuditEntry.objects.get(action="api_client.changed")
    assert entry.changes == {"scopes": [["fleets:read", "fleets:write"], ["fleets:read"]]}


def test_a_change_that_changes_nothing_is_not_audited(owner):
    made = owner.post("api-clients", BODY).json()
    assert (
        owner.send("PATCH", f"api-clients/{made['id']}", {"name": BODY["name"]}).status_code == 200
    )
    assert not AuditEntry.objects.filter(action="api_client.changed").exists()


def test_a_stale_version_is_refused(owner):
    made = owner.post("api-clients", BODY).json()
    path = f"api-clients/{made['id']}"
    first = owner.get(path)["ETag"]
    assert owner.send("PATCH", path, {"name": "One"}, **{"If-Match": first}).status_code == 200
    again = owner.send("PATCH", path, {"name": "Two"}, **{"If-Match": first})
    assert (again.status_code, again.json()["code"]) == (412, "stale_version")


def test_a_new_secret_ends_the_old_one_and_its_tokens(owner):
    made = owner.post("api-clients", BODY).json()
    client = as_client(made)
    answer = owner.post(f"api-clients/{made['id']}/rotate-secret")
    assert answer.status_code == 200
    assert client.get("auth/me").status_code == 401
    assert token_of(made).status_code == 401
    renewed = made | {"client_secret": answer.json()["client_secret"]}
    assert as_client(renewed).get("api-clients").status_code == 403


def test_revoking_ends_a_client_and_its_tokens_now(owner):
    made = owner.post("api-clients", BODY).json()
    client, path = as_client(made), f"api-clients/{made['id']}"
    assert owner.send("DELETE", path).status_code == 204
    assert client.get("auth/me").status_code == 401
    assert token_of(made).json()["error"] == "invalid_client"
    assert owner.get(path).json()["revoked_at"] is not None
    for method, at, body in (
        ("DELETE", path, None),
        ("PATCH", path, {"name": "Again"}),
        ("POST", f"{path}/rotate-secret", None),
    ):
        answer = owner.send(method, at, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "client_revoked")


def test_a_token_made_while_its_client_was_revoked_opens_nothing(owner):
    made = owner.post("api-clients", BODY).json()
    client = as_client(made)
    assert client.get("depots").status_code == 200
    ApiClient.objects.update(revoked_at=ApiClient.objects.get().created_at)
    assert client.get("depots").status_code == 401


def test_anothers_client_is_absent(owner):
    made = owner.post("api-clients", BODY).json()
    join(make_user("bob@example.com"), make_provider("Other"))
    bob = log_in("bob@example.com")
    for method, at, body in (
        ("GET", f"api-clients/{made['id']}", None),
        ("PATCH", f"api-clients/{made['id']}", {"name": "Mine"}),
        ("POST", f"api-clients/{made['id']}/rotate-secret", None),
        ("DELETE", f"api-clients/{made['id']}", None),
    ):
        foreign = bob.send(method, at, body)
        missing = bob.send(method, at.replace(str(made["id"]), "999999"), body)
        assert foreign.status_code == 404
        assert problem(foreign) == problem(missing)
    assert bob.get("api-clients").json()["results"] == []
    assert ApiClient.objects.get().revoked_at is None


@pytest.mark.parametrize("role", ["manager", "dispatcher", "accountant", "support", "viewer"])
def test_only_owners_have_to_do_with_clients(owner, role):
    made = owner.post("api-clients", BODY).json()
    join(make_user("staff@example.com"), ApiClient.objects.get().provider, role)
    staff = log_in("staff@example.com")
    for method, at, body in (
        ("GET", "api-clients", None),
        ("POST", "api-clients", BODY),
        ("GET", f"api-clients/{made['id']}", None),
        ("DELETE", f"api-clients/{made['id']}", None),
    ):
        assert staff.send(method, at, body).status_code == 403
    assert ApiClient.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "x"}, "required"),
        ({"name": "", "scopes": ["fleets:read"]}, "blank"),
        ({"name": "x" * 81, "scopes": ["fleets:read"]}, "too_long"),
        ({"name": "x", "scopes": []}, "too_few_items"),
        ({"name": "x", "scopes": ["fleets:read"] * 51}, "too_many_items"),
        ({"name": "x", "scopes": "fleets:read"}, "list_expected"),
        ({"name": "x", "scopes": ["fleets:read"], "client_secret": "mine"}, "unknown_field"),
        ({"name": "x", "scopes": ["fleets:read"], "provider": 1}, "unknown_field"),
    ],
)
def test_what_is_no_client_is_refused(owner, body, code):
    answer = owner.post("api-clients", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("path", ["auth/logout", "auth/logout-everywhere"])
def test_a_client_has_no_account_to_log_out_of(owner, path):
    client = as_client(owner.post("api-clients", BODY).json())
    answer = client.post(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert client.get("auth/me").status_code == 403


def test_a_client_serves_its_own_provider_only(owner):
    client = as_client(owner.post("api-clients", BODY).json())
    own, other = ApiClient.objects.get().provider_id, make_provider("Other").pk
    assert client.get("api-clients", **{"X-Voltop-Provider": str(own)}).status_code == 403
    assert client.get("api-clients", **{"X-Voltop-Provider": str(other)}).status_code == 404
