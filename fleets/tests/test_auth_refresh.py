"""Staying logged in: each refresh token works once, and nobody else's does."""

import base64
from datetime import timedelta

import pytest

from fleets.models import AuditEntry, RefreshFamily, User
from fleets.services import auth
from fleets.tests.logins import PHONE_ID, Api, log_in, make_user
from voltop import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ana() -> User:
    return make_user()


def refresh(token: str, device_id: str = ""):
    body = {"refresh_token": token}
    if device_id:
        body["device_id"] = device_id
    return Api().post("auth/refresh", body)


def refused(answer) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")


def test_a_refresh_gives_a_working_pair():
    first = log_in()
    answer = refresh(first.refresh_token)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != first.refresh_token
    assert Api(answer.json()["access_token"]).get("auth/me").status_code == 200
    assert Api(first.token).get("auth/me").status_code == 200


def test_a_lost_answer_is_given_again_until_it_is_used():
    first = log_in()
    second = refresh(first.refresh_token).json()["refresh_token"]
    assert refresh(first.refresh_token).json()["refresh_token"] == second
    third = refresh(second).json()["refresh_token"]
    assert refresh(second).json()["refresh_token"] == third
    assert refused(refresh(first.refresh_token))
    family = RefreshFamily.objects.get()
    assert family.revoked_reason == "reused"
    assert AuditEntry.objects.get(action="login.ended").object_id == str(family.pk)
    assert refused(refresh(third))


def test_the_end_of_a_family_ends_its_access_tokens():
    first = log_in()
    second = refresh(first.refresh_token).json()
    third = refresh(second["refresh_token"]).json()
    refresh(first.refresh_token)
    for token in (first.token, second["access_token"], third["access_token"]):
        assert Api(token).get("auth/me").status_code == 401


def test_the_end_of_a_family_leaves_other_devices_alone():
    stolen, other = log_in(), log_in()
    refresh(refresh(stolen.refresh_token).json()["refresh_token"])
    assert refused(refresh(stolen.refresh_token))
    assert other.get("auth/me").status_code == 200
    assert refresh(other.refresh_token).status_code == 200


@pytest.mark.parametrize("device_id", ["", "another-phone-of-sixteen"])
def test_a_token_of_a_known_device_works_on_no_other(device_id):
    first = log_in(device_id=PHONE_ID)
    assert refused(refresh(first.refresh_token, device_id))
    assert RefreshFamily.objects.get().revoked_reason == "reused"
    assert refused(refresh(first.refresh_token, PHONE_ID))


def test_a_known_device_stays_logged_in():
    first = log_in(device_id=PHONE_ID)
    second = refresh(first.refresh_token, PHONE_ID).json()["refresh_token"]
    assert refresh(first.refresh_token, PHONE_ID).json()["refresh_token"] == second


def test_a_token_not_used_for_a_month_has_run_out(time_machine):
    start = clock.now()
    first = log_in()
    time_machine.move_to(start + timedelta(days=29))
    second = refresh(first.refresh_token).json()["refresh_token"]
    time_machine.move_to(start + timedelta(days=29 + 30, minutes=1))
    assert refused(refresh(second))
    assert RefreshFamily.objects.get().revoked_at is None


def test_a_log_in_ends_after_half_a_year_however_busy(time_machine):
    start = clock.now()
    token = log_in().refresh_token
    for days in range(20, 180, 20):
        time_machine.move_to(start + timedelta(days=days))
        answer = refresh(token).json()
        token = answer["refresh_token"]
    time_machine.move_to(start + timedelta(days=180, seconds=1))
    assert Api(answer["access_token"]).get("auth/me").status_code == 401
    assert refused(refresh(token))


def test_a_disabled_person_does_not_refresh(ana):
    first = log_in()
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert refused(refresh(first.refresh_token))


@pytest.mark.parametrize("token", ["vtr_x", "x" * 128, "vtr_" + "A" * 43, "é"])
def test_an_unknown_token_is_refused(token):
    assert refused(refresh(token))


def test_an_access_token_does_not_refresh():
    assert refresh(log_in().token).status_code == 400  # longer than any refresh token
    assert refused(refresh(log_in().token[:128]))


def test_a_refresh_token_gives_no_access():
    answer = Api(log_in().refresh_token).get("auth/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def seed(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def test_a_new_server_key_leaves_everyone_logged_in(settings):
    settings.TOKEN_SIGNING_KEYS = [f"old:{seed('a')}"]
    first = log_in()
    second = refresh(first.refresh_token).json()
    settings.TOKEN_SIGNING_KEYS = [f"new:{seed('b')}", f"old:{seed('a')}"]
    assert Api(first.token).get("auth/me").status_code == 200
    assert refresh(first.refresh_token).json()["refresh_token"] == second["refresh_token"]
    assert refresh(second["refresh_token"]).status_code == 200


def test_a_server_key_taken_away_ends_what_hangs_on_it_without_a_false_alarm(settings):
    settings.TOKEN_SIGNING_KEYS = [f"old:{seed('a')}"]
    first = log_in()
    second = refresh(first.refresh_token).json()["refresh_token"]
    settings.TOKEN_SIGNING_KEYS = [f"new:{seed('b')}"]
    assert Api(first.token).get("auth/me").status_code == 401
    assert refused(refresh(first.refresh_token))
    assert RefreshFamily.objects.get().revoked_at is None
    assert refresh(second).status_code == 200


def test_tokens_of_one_person_do_not_belong_to_another():
    make_user("bob@example.com")
    ana, bob = log_in(), log_in("bob@example.com")
    assert (
        Api(refresh(bob.refresh_token).json()["access_token"]).get("auth/me").json()["email"]
        == "bob@example.com"
    )
    assert ana.get("auth/me").json()["email"] == "ana@example.com"


def test_a_service_call_refreshes_without_a_stated_time():
    pair = auth.refresh(refresh_token=log_in().refresh_token, device=auth.Device())
    assert pair.refresh_expires_at > clock.now() + timedelta(days=29)
