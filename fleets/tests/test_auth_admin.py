"""Logging in to the admin, and seeing credentials there: same limits, no secrets."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from fleets.models import (
    ApiAccessToken,
    ApiClient,
    AttemptWindow,
    AuditEntry,
    RefreshFamily,
    RefreshToken,
    SecondFactor,
    User,
)
from fleets.services import api_clients, auth, second_factor
from fleets.tasks import forget_expired
from fleets.tests.logins import PASSWORD, Api, join, log_in, make_provider, make_user
from voltop import clock
from voltop.context import Actor
from voltop.jobs import JobRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root@example.com", PASSWORD)


def browser_login(login: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/admin/login/", {"username": login, "password": password})
    return client


def inside(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


@pytest.mark.parametrize("login", ["ROOT@example.com", "root@example.com"])
def test_staff_log_in_to_the_admin(root, login):
    assert inside(browser_login(login))


@pytest.mark.parametrize(
    ("login", "password"),
    [("root@example.com", "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("x", "p" * 2000)],
)
def test_nobody_else_does(root, login, password):
    assert not inside(browser_login(login, password))


def test_the_admin_is_no_way_round_the_limit(root):
    for _try in range(5):
        browser_login("root@example.com", "wrong")
    assert not inside(browser_login("root@example.com"))
    answer = Api().post("auth/token", {"login": "root@example.com", "password": PASSWORD})
    assert answer.status_code == 429


def test_a_disabled_person_leaves_the_admin_at_once(root):
    client = browser_login("root@example.com")
    User.objects.filter(pk=root.pk).update(is_active=False)
    assert not inside(client)


def test_logging_out_everywhere_ends_browser_sessions_too(root):
    client = browser_login("root@example.com")
    auth.log_out_everywhere(root, actor=root.actor())
    assert not inside(client)


def test_a_new_password_from_the_command_line_ends_every_log_in(root, monkeypatch):
    api, client = log_in("root@example.com"), browser_login("root@example.com")
    monkeypatch.setattr("getpass.getpass", lambda prompt="": "a much better one")
    call_command("changepassword", "root@example.com")
    assert api.get("auth/me").status_code == 401
    assert not inside(client)
    assert RefreshFamily.objects.get().revoked_reason == "password_changed"
    assert inside(browser_login("root@example.com", "a much better one"))


MODELS = [RefreshFamily, RefreshToken, ApiClient, ApiAccessToken, AttemptWindow]


@pytest.fixture
def credentials(root) -> list[str]:
    """A row of each kind, and every value that must not be shown."""
    provider = make_provider()
    actor = Actor.system("tests", provider.pk)
    client, secret = api_clients.create_client(
        provider, actor=actor, name="Bridge", wanted=["fleets:read"]
    )
    make_user()
    api = log_in(device_id="a-phone-of-sixteen-or-more")
    form = f"grant_type=client_credentials&client_id={client.client_id}&client_secret={secret}"
    answer = Api().post(
        "oauth/token", form.encode(), content_type="application/x-www-form-urlencoded"
    )
    return [
        secret,
        api.refresh_token,
        answer.json()["access_token"],
        ApiClient.objects.get().client_secret,
        ApiAccessToken.objects.get().token_checksum,
        RefreshToken.objects.get().token_hash,
        RefreshFamily.objects.get().device_hash,
        *AttemptWindow.objects.values_list("key_hash", flat=True),
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_credentials_are_shown_without_what_opens_or_identifies(model, credentials):
    client = browser_login("root@example.com")
    base = f"/admin/fleets/{model._meta.model_name}/"
    for path in (base, f"{base}{model.objects.first().pk}/change/"):
        page = client.get(path)
        assert page.status_code == 200, path
        shown = page.content.decode()
        assert not [value for value in credentials if value in shown]
    assert client.get(f"{base}add/").status_code == 403


@pytest.mark.parametrize("model", [RefreshFamily, RefreshToken, AttemptWindow])
def test_log_ins_of_people_are_for_platform_staff(model, credentials):
    provider = ApiClient.objects.get().provider
    join(make_user("owner@example.com"), provider)
    client = browser_login("owner@example.com")
    assert inside(client)
    assert client.get(f"/admin/fleets/{model._meta.model_name}/").status_code == 403


def act(client: Client, model: type, action: str, pk: int) -> None:
    page = client.get(f"/admin/fleets/{model._meta.model_name}/")
    offered = page.context["cl"].model_admin.get_actions(page.wsgi_request)
    [name] = [name for name in offered if action in name]
    client.post(
        f"/admin/fleets/{model._meta.model_name}/",
        {"action": name, "_selected_action": [pk], "reason": "stolen"},
    )


def test_staff_end_a_log_in(root):
    make_user()
    api = log_in()
    family = RefreshFamily.objects.get()
    act(browser_login("root@example.com"), RefreshFamily, "end_log_in", family.pk)
    assert api.get("auth/me").status_code == 401
    entry = AuditEntry.objects.get(action="login.ended")
    assert (entry.reason, entry.object_id) == ("stolen", str(family.pk))
    family.refresh_from_db()
    assert family.revoked_reason == "staff"
    auth.end_log_in(family, actor=root.actor())
    assert AuditEntry.objects.filter(action="login.ended").count() == 1


def test_an_owner_revokes_a_client_in_the_admin(credentials):
    made = ApiClient.objects.get()
    join(make_user("owner@example.com"), made.provider)
    act(browser_login("owner@example.com"), ApiClient, "revoke", made.pk)
    made.refresh_from_db()
    assert made.revoked_at is not None
    assert AuditEntry.objects.get(action="api_client.revoked").reason == "stolen"


def test_anothers_clients_are_not_in_the_list(credentials):
    join(make_user("bob@example.com"), make_provider("Other"))
    client = browser_login("bob@example.com")
    page = client.get("/admin/fleets/apiclient/")
    assert page.status_code == 200
    assert list(page.context["cl"].queryset) == []


def test_what_opens_nothing_any_more_is_forgotten_once_a_day(credentials):
    now = clock.now()
    forget_expired()
    kept = {m: m.objects.count() for m in MODELS}
    assert all(kept.values())
    assert JobRun.objects.filter(job="fleets.forget_expired").count() == 1
    auth.log_out_everywhere(User.objects.get(email="ana@example.com"), actor=Actor.system("t"))
    later = now + timedelta(days=29)
    assert auth.forget_expired(at=later) == 1 + kept[AttemptWindow]  # the client's token ran out
    assert RefreshFamily.objects.exists()
    assert auth.forget_expired(at=now + timedelta(days=31)) == 2  # a log-in with its one token
    assert auth.forget_expired(at=now + timedelta(days=31)) == 0
    assert ApiClient.objects.exists()


def test_a_second_factor_is_listed_without_its_secret(root):
    begun = second_factor.begin(make_user(), actor=root.actor())
    device = SecondFactor.objects.get()
    page = browser_login("root@example.com").get(f"/admin/fleets/secondfactor/{device.pk}/change/")
    assert page.status_code == 200
    assert b"Ana" in page.content
    for secret in (begun.secret, bytes(device.secret).hex(), str(device.key)):
        assert secret.encode() not in page.content
