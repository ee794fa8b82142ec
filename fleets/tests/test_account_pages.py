"""First and forgotten passwords for whoever has only a browser."""

import pytest
from django.test import Client

from fleets import services
from fleets.models import User
from fleets.tests.logins import PASSWORD, code_in, join, make_provider, make_user, post_out
from voltop.context import Actor

pytestmark = pytest.mark.django_db

NEW = "my own long password"


@pytest.fixture
def company():
    provider = make_provider()
    join(make_user(), provider)
    return provider


def admin_opens(login: str, password: str) -> bool:
    browser = Client()
    browser.post("/admin/login/", {"username": login, "password": password})
    return browser.get("/admin/").status_code == 200


def test_an_invited_member_gets_into_the_admin(company):
    actor = Actor.system("tests", company.pk)
    services.invite_member(
        company, actor=actor, email="nora@example.com", full_name="Nora", role="manager"
    )
    code = code_in(post_out()[-1].body)
    browser = Client()
    assert 'name="code"' in browser.get("/welcome/").content.decode()
    weak = browser.post("/welcome/", {"code": code, "new_password": "short"})
    assert weak.status_code == 400
    assert "too easy to guess" in weak.content.decode()
    done = browser.post("/welcome/", {"code": code.lower(), "new_password": NEW})
    assert done.status_code == 200
    assert "/admin/login/" in done.content.decode()
    assert admin_opens("nora@example.com", NEW)


@pytest.mark.parametrize("code", ["AAAA-BBBB-CCCC-DDDD", "x", "\x00", "é" * 200])
def test_a_made_up_invitation_sets_nothing(code):
    answer = Client().post("/welcome/", {"code": code, "new_password": NEW})
    assert answer.status_code in (200, 401)
    assert not User.objects.exists()


def test_a_forgotten_password_is_set_anew_by_a_code(company):
    browser = Client()
    assert "/forgotten/" in browser.get("/admin/login/").content.decode()
    assert browser.get("/forgotten/").status_code == 200
    asked = browser.post("/forgotten/", {"login": "ana@example.com"})
    assert (asked.status_code, asked["Location"]) == (302, "/forgotten/code/")
    code = code_in(post_out()[-1].body)
    body = {"code": code, "new_password": NEW}
    assert Client().post("/forgotten/code/", body).status_code == 401  # another browser's challenge
    assert browser.get("/forgotten/code/").status_code == 200
    assert browser.post("/forgotten/code/", body).status_code == 200
    assert admin_opens("ana@example.com", NEW)
    assert not admin_opens("ana@example.com", PASSWORD)
    assert browser.post("/forgotten/code/", body).status_code == 401


def test_the_pages_do_not_tell_who_is_known(company):
    known, unknown = Client(), Client()
    for browser, login in ((known, "ana@example.com"), (unknown, "nobody@example.com")):
        asked = browser.post("/forgotten/", {"login": login})
        assert (asked.status_code, asked["Location"]) == (302, "/forgotten/code/")
        wrong = browser.post("/forgotten/code/", {"code": "x", "new_password": NEW})
        assert wrong.status_code == 401


def test_asking_too_often_is_told_in_the_form(company):
    for _try in range(5):
        Client().post("/forgotten/", {"login": "ana@example.com"})
    answer = Client().post("/forgotten/", {"login": "ana@example.com"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_forms_from_elsewhere_are_refused(company):
    strict = Client(enforce_csrf_checks=True)
    for page in ("/welcome/", "/forgotten/", "/forgotten/code/"):
        assert strict.post(page, {"login": "ana@example.com"}).status_code == 403
