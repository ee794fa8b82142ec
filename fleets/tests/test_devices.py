"""Where a person is logged in: seen, and ended one by one."""

import uuid

import pytest

from fleets.models import AuditEntry, RefreshFamily, User
from fleets.services import auth
from fleets.tests.logins import PASSWORD, PHONE_ID, Api, log_in, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ana() -> User:
    return make_user()


def devices(api: Api) -> list[dict]:
    return api.get("auth/devices").json()["devices"]


def test_one_sees_ones_own_devices_the_last_used_first(django_assert_num_queries):
    make_user("bob@example.com")
    log_in("bob@example.com")
    phone, laptop = log_in(device_id=PHONE_ID), log_in()
    shown = devices(laptop)
    assert [(d["name"], d["current"]) for d in shown] == [("", True), ("Pixel", False)]
    assert [d["current"] for d in devices(phone)] == [False, True]
    with django_assert_num_queries(2):  # the person, the log-ins
        devices(laptop)


def test_ending_one_ends_it_at_once_and_leaves_the_others():
    phone, laptop = log_in(device_id=PHONE_ID), log_in()
    lost = next(d["id"] for d in devices(laptop) if not d["current"])
    assert laptop.post(f"auth/devices/{lost}/end").status_code == 204
    assert phone.get("auth/me").status_code == 401
    refused = Api().post(
        "auth/refresh", {"refresh_token": phone.refresh_token, "device_id": PHONE_ID}
    )
    assert refused.status_code == 401
    assert laptop.get("auth/me").status_code == 200
    assert len(devices(laptop)) == 1
    assert AuditEntry.objects.filter(action="login.ended", reason="logout").count() == 1
    assert laptop.post(f"auth/devices/{lost}/end").status_code == 204
    assert AuditEntry.objects.filter(action="login.ended").count() == 1


def test_ending_this_very_device_logs_out():
    api = log_in()
    [here] = devices(api)
    assert api.post(f"auth/devices/{here['id']}/end").status_code == 204
    assert api.get("auth/devices").status_code == 401


def test_another_persons_device_is_like_one_that_never_was():
    make_user("bob@example.com")
    bob = log_in("bob@example.com")
    api = log_in()
    [theirs] = devices(bob)
    answers = [api.post(f"auth/devices/{key}/end") for key in (theirs["id"], str(uuid.uuid4()))]
    assert [a.status_code for a in answers] == [404, 404]
    assert bob.get("auth/me").status_code == 200


def test_a_person_has_fifty_log_ins_at_most_the_longest_unused_goes(ana):
    from voltop import clock

    first = auth.enter(ana, auth.Device(), clock.now())
    for _n in range(50):
        auth.enter(ana, auth.Device(), clock.now())
    live = RefreshFamily.objects.filter(revoked_at__isnull=True)
    assert live.count() == 50
    gone = RefreshFamily.objects.get(revoked_at__isnull=False)
    assert gone.revoked_reason == "crowded"
    assert Api(first.access_token).get("auth/me").status_code == 401
    assert Api().post("auth/token", {"login": "ana@example.com", "password": PASSWORD}).json()
