"""What ends a log-in, ends it now."""

import pytest

from fleets import services
from fleets.models import AuditEntry, RefreshFamily, User
from fleets.services import auth
from fleets.tests.logins import (
    PASSWORD,
    PHONE_ID,
    SYSTEM,
    Api,
    join,
    log_in,
    make_provider,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ana() -> User:
    return make_user()


def alive(api: Api) -> bool:
    answer = api.get("auth/me")
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def refreshes(api: Api, device_id: str = "") -> bool:
    body = {"refresh_token": api.refresh_token} | ({"device_id": device_id} if device_id else {})
    answer = Api().post("auth/refresh", body)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_logging_out_ends_this_log_in_only():
    here, there = log_in(), log_in()
    assert here.post("auth/logout").status_code == 204
    assert not alive(here)
    assert not refreshes(here)
    assert alive(there)
    assert refreshes(there)
    assert here.post("auth/logout").status_code == 401


def test_logging_out_everywhere_ends_every_log_in(ana):
    here, there = log_in(), log_in()
    assert here.post("auth/logout-everywhere").status_code == 204
    assert [alive(api) or refreshes(api) for api in (here, there)] == [False, False]
    assert set(RefreshFamily.objects.values_list("revoked_reason", flat=True)) == {
        "logout_everywhere"
    }
    entry = AuditEntry.objects.get(action="login.ended_everywhere")
    assert (entry.actor, entry.object_id) == (f"user:{ana.pk}", str(ana.pk))
    assert alive(log_in())


def test_a_new_password_ends_every_log_in_and_starts_this_device_anew():
    here, there = log_in(device_id=PHONE_ID), log_in()
    answer = here.post(
        "auth/password", {"current_password": PASSWORD, "new_password": "a much better one"}
    )
    assert answer.status_code == 200
    assert [alive(api) for api in (here, there)] == [False, False]
    assert not refreshes(there)
    pair = answer.json()
    renewed = Api(pair["access_token"], pair["refresh_token"])
    assert alive(renewed)
    assert refreshes(renewed, PHONE_ID)
    old = Api().post("auth/token", {"login": "ana@example.com", "password": PASSWORD})
    assert old.status_code == 401
    assert AuditEntry.objects.filter(action="password.changed").count() == 1
    assert "better" not in str(list(AuditEntry.objects.values()))


def test_a_wrong_present_password_changes_nothing_and_is_limited():
    api = log_in()
    body = {"current_password": "wrong", "new_password": "a much better one"}
    for _try in range(5):
        answer = api.post("auth/password", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_password")
    assert api.post("auth/password", body).status_code == 429
    assert alive(api)
    right = {"current_password": PASSWORD, "new_password": "a much better one"}
    assert api.post("auth/password", right).status_code == 429


@pytest.mark.parametrize(
    ("password", "rules"),
    [
        ("short", ["password_too_short"]),
        ("password123", ["password_too_common"]),
        ("1234567890", ["password_too_common"]),
    ],
)
def test_a_weak_password_is_refused_with_its_reasons(password, rules):
    api = log_in()
    answer = api.post("auth/password", {"current_password": PASSWORD, "new_password": password})
    assert (answer.status_code, answer.json()["code"]) == (400, "weak_password")
    assert answer.json()["extra"]["rules"] == rules
    assert alive(api)


def test_an_endless_password_is_refused_by_the_service_too(ana):
    with pytest.raises(auth.WeakPassword):
        auth.require_strong_password("p" * 1025, ana)


def test_another_role_ends_access_tokens_and_leaves_devices_logged_in(ana):
    provider = make_provider()
    join(make_user("boss@example.com"), provider)
    membership = join(ana, provider, "dispatcher")
    api = log_in()
    services.change_role(membership, actor=SYSTEM, role="viewer")
    assert not alive(api)
    assert refreshes(api)


def test_an_ended_membership_ends_access_tokens(ana):
    provider = make_provider()
    join(make_user("boss@example.com"), provider)
    membership = join(ana, provider, "dispatcher")
    api = log_in()
    services.end_membership(membership, actor=SYSTEM, reason="left")
    assert not alive(api)


def test_a_disabled_person_is_out_at_once(ana):
    api = log_in()
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert not alive(api)


def test_ending_access_says_so_to_the_user_at_hand(ana):
    before = ana.token_version
    auth.end_access(ana)
    assert ana.token_version == before + 1


def test_nobody_logs_another_out(ana):
    bob = make_user("bob@example.com")
    api = log_in()
    family = RefreshFamily.objects.get()
    auth.log_out(bob, actor=bob.actor(), family=family.key)
    assert alive(api)


def test_logging_out_takes_no_body():
    answer = log_in().post("auth/logout", {"everywhere": True})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


@pytest.mark.parametrize("path", ["auth/logout", "auth/logout-everywhere", "auth/password"])
def test_nobody_in_particular_cannot_do_this(path):
    answer = Api().post(path, {})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")
