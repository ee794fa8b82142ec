"""What pages may load and run. That they ask for no more is looked at in the admin's matrix."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from voltop.content_security import ContentSecurityMiddleware
from voltop.tests.pages import inline_scripts

pytestmark = pytest.mark.django_db

ADMIN = {
    "default-src": ["'none'"],
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
DOCS = {
    **ADMIN,
    "script-src": ["'self'"],
    "font-src": ["'self'", "data:"],
    "worker-src": ["blob:"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
}


def policy(answer):
    directives = (part.split() for part in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in directives}


@pytest.mark.parametrize(
    ("address", "status"),
    [("/admin/login/", 200), ("/admin/", 302), ("/welcome/", 200), ("/no-such-page/", 404)],
)
def test_every_page_says_what_it_may_load(client, address, status):
    answer = client.get(address)
    assert (answer.status_code, policy(answer)) == (status, ADMIN)


def test_so_do_pages_of_errors(client, monkeypatch):
    monkeypatch.setattr("fleets.views.pages.render", lambda *args: 1 / 0)
    answer = Client(raise_request_exception=False).get("/welcome/")
    assert (answer.status_code, policy(answer)) == (500, ADMIN)


def test_and_what_the_admin_refuses(cast, client):
    client.force_login(cast.viewer)
    answer = client.get("/admin/voltop/subjectkey/")
    assert (answer.status_code, policy(answer)) == (403, ADMIN)
    assert inline_scripts(answer.content) == []


@pytest.mark.parametrize("page", ["docs", "redoc"])
def test_pages_about_the_api_make_no_code_of_texts(client, page):
    answer = client.get(f"/api/v1/{page}/")
    assert policy(answer) == DOCS
    assert inline_scripts(answer.content) == []


def test_data_carries_no_policy(client):
    answer = client.get("/api/v1/depots/")
    assert (answer.status_code, answer.has_header("Content-Security-Policy")) == (401, False)


def test_what_a_view_says_itself_is_kept():
    own = HttpResponse("", headers={"Content-Security-Policy": "default-src 'self'"})
    answer = ContentSecurityMiddleware(lambda request: own)(RequestFactory().get("/"))
    assert policy(answer) == {"default-src": ["'self'"]}


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<script>go()</script>", ["<script>"]),
        ('<SCRIPT type="module">go()</SCRIPT>', ['<SCRIPT type="module">']),
        ('<a href="#" onclick="go()">', ["onclick="]),
        ("<a href='javascript:go()'>", ["'javascript:"]),
        ('<script src="/static/a.js" defer></script><script type="application/json">{}', []),
        ('<a x-on:click="go()" href="/admin/">on click=go</a>', []),
    ],
)
def test_the_matrix_would_see_a_script_within_a_page(html, found):
    assert inline_scripts(html.encode()) == found
