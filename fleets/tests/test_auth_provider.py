"""For which provider a request speaks: exactly one, and only one of the caller's."""

import pytest

from fleets import services
from fleets.authentication import BearerAuthentication
from fleets.models import User
from fleets.tests.logins import SYSTEM, Api, join, log_in, make_provider, make_user, problem
from voltop import registry

pytestmark = pytest.mark.django_db

PATH = "api-clients"


def ask(api: Api, provider: object = None) -> tuple[int, str]:
    headers = {} if provider is None else {"X-Voltop-Provider": str(provider)}
    answer = api.get(PATH, **headers)
    return answer.status_code, answer.json().get("code", "")


def test_the_only_provider_is_the_default():
    join(make_user(), make_provider())
    assert ask(log_in()) == (200, "")


def test_a_person_of_several_names_one():
    user, here, there = make_user(), make_provider("Here"), make_provider("There")
    join(user, here, "owner")
    join(user, there, "viewer")
    api = log_in()
    assert ask(api) == (403, "provider_required")
    assert ask(api, here.pk) == (200, "")
    assert ask(api, there.pk) == (403, "permission_denied")


def test_a_person_of_none_is_nobody_anywhere():
    make_user()
    assert ask(log_in()) == (403, "provider_required")


FOREIGN = ["0", "-1", "999999", "9" * 18, "9" * 40, "1.0", "+1", "all", "*", "", "1,2", "١"]


@pytest.mark.parametrize("named", FOREIGN)
def test_what_is_no_provider_of_ones_own_is_absent(named):
    join(make_user(), make_provider())
    assert ask(log_in(), named) == (404, "not_found")


def test_anothers_provider_answers_like_one_that_does_not_exist():
    join(make_user(), make_provider("Here"))
    there = make_provider("There")
    api = log_in()
    foreign = api.get(PATH, **{"X-Voltop-Provider": str(there.pk)})
    missing = api.get(PATH, **{"X-Voltop-Provider": "999999"})
    assert problem(foreign) == problem(missing)
    assert foreign.status_code == 404


def test_a_closed_provider_lets_nobody_in():
    user, here, there = make_user(), make_provider("Here"), make_provider("There")
    join(user, here)
    join(user, there)
    services.suspend_provider(there, actor=SYSTEM, reason="moved")
    services.close_provider(there, actor=SYSTEM, reason="moved")
    api = log_in()
    assert ask(api) == (200, "")
    assert ask(api, there.pk) == (404, "not_found")


def test_an_ended_membership_lets_nobody_in():
    user, here = make_user(), make_provider()
    join(make_user("boss@example.com"), here)
    services.end_membership(join(user, here), actor=SYSTEM)
    assert ask(log_in(), here.pk) == (404, "not_found")


def test_other_apps_let_people_in_by_their_own_records(monkeypatch):
    user, here = make_user(), make_provider()
    known = dict(registry._points.get(registry.USER_ROLES, {}))
    monkeypatch.setitem(
        registry._points,
        registry.USER_ROLES,
        known | {"test": lambda person: [(here.pk, "driver", True)] if person == user else []},
    )
    api = log_in()
    assert ask(api) == (403, "permission_denied")
    [own] = api.get("auth/me").json()["providers"]
    assert (own["id"], own["roles"]) == (here.pk, ["driver"])


def test_platform_staff_enter_the_provider_they_name_and_no_other():
    User.objects.create_superuser("root@example.com", "correct horse battery")
    here = make_provider()
    api = log_in("root@example.com")
    assert ask(api) == (403, "provider_required")
    assert ask(api, here.pk) == (200, "")
    assert ask(api, 999999) == (404, "not_found")


def test_me_shows_ones_own_account_and_roles_without_naming_a_provider():
    user, here, there = make_user(), make_provider("Here"), make_provider("There")
    join(user, here, "owner")
    join(user, there, "viewer")
    make_provider("Elsewhere")
    shown = log_in().get("auth/me").json()
    assert shown == {
        "id": user.pk,
        "email": "ana@example.com",
        "phone": None,
        "full_name": "Ana",
        "language": "en",
        "time_zone": "UTC",
        "second_factor": False,
        "providers": [
            {
                "id": here.pk,
                "name": "Here",
                "status": "active",
                "is_sandbox": False,
                "roles": ["owner"],
            },
            {
                "id": there.pk,
                "name": "There",
                "status": "active",
                "is_sandbox": False,
                "roles": ["viewer"],
            },
        ],
    }


def test_who_calls_is_found_in_one_query(django_assert_num_queries, rf):
    user = make_user()
    join(user, make_provider())
    api = log_in()
    request = rf.get("/", headers={"Authorization": f"Bearer {api.token}"})
    with django_assert_num_queries(1):
        person, _claims = BearerAuthentication().authenticate(request)
    assert person.standing_roles == [(user.memberships.get().provider_id, "owner", True)]
