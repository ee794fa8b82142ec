"""Whatever goes wrong below /api/ has one shape, asked of the servers' own entry points.

Django's test client would skip the check of forms; a browser and a server do not.
"""

import asyncio
import io
import json
from functools import cache

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, HttpResponseServerError

from voltop.api.exceptions import problem_instead_of

SHAPE = {"type", "title", "status", "code", "detail", "errors", "extra", "request_id"}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND")


pytestmark = pytest.mark.django_db  # a request looks at its connection, whatever it asks for


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def code(self):
        """The problem's code; fails for any other answer."""
        assert self.headers["content-type"] == "application/problem+json", self.body[:200]
        document = json.loads(self.body)
        assert document.keys() == SHAPE
        assert document["status"] == self.status
        return document["code"]


application = cache(WSGIHandler)


def over_wsgi(method, path, body=b"", host="localhost", query="", **environ):
    """One request as a WSGI server hands it on."""
    begun = []
    values = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": host,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        **environ,
    }
    answer = application()(values, lambda status, headers: begun.append((status, headers)))
    content = b"".join(answer)
    answer.close()
    status, headers = begun[0]
    return Answer(int(status[:3]), headers, content)


def over_asgi(method, path, body=b"", host="localhost", query=b""):
    """One request as an ASGI server hands it on."""
    from voltop.asgi import application

    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    async def listen(_receive):
        await asyncio.sleep(60)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", host.encode()), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "scheme": "http",
        "asgi": {"version": "3.0"},
    }
    application.listen_for_disconnect = listen
    asyncio.run(application(scope, receive, send))
    head, *parts = sent
    headers = [(name.decode().lower(), value.decode("latin1")) for name, value in head["headers"]]
    return Answer(head["status"], headers, b"".join(part.get("body", b"") for part in parts))


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v2/drivers", "/api/v1/nowhere"])
def test_an_unknown_address_is_a_404_for_every_method(method, path):
    for address in (path, f"{path.rstrip('/')}/"):
        answer = over_wsgi(method, address, body=b"{}")
        assert (answer.status, answer.code()) == (404, "not_found"), address
        assert answer.headers["x-request-id"] == json.loads(answer.body)["request_id"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_live_server_says_the_same(method):
    answer = over_asgi(method, "/api/v1/nowhere", body=b"{}")
    assert (answer.status, answer.code()) == (404, "not_found")


@pytest.mark.parametrize("page", ["docs", "redoc", "schema", "depots", "auth/token"])
@pytest.mark.parametrize("end", ["", "/"])
def test_a_method_that_a_route_does_not_take_is_a_405_in_json(page, end):
    answer = over_wsgi("PUT", f"/api/v1/{page}{end}", body=b"{}")
    assert (answer.status, answer.code()) == (405, "method_not_allowed")


@pytest.mark.parametrize("page", ["docs", "redoc"])
@pytest.mark.parametrize("end", ["", "/"])
def test_the_pages_about_the_api_are_pages(page, end):
    answer = over_wsgi("GET", f"/api/v1/{page}{end}")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.filterwarnings("ignore:Django checks for ServeStatic")
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_host_that_is_not_ours_is_refused_in_json(method, debug, settings):
    settings.DEBUG = debug
    answer = over_wsgi(method, "/api/v1/depots", body=b"{}", host="evil.example")
    assert (answer.status, answer.code()) == (400, "bad_request")
    answer = over_wsgi(method, "/api/v1/nowhere", body=b"{}", host="bad_host:99999999")
    assert (answer.status, answer.code()) == (400, "bad_request")


def test_a_host_that_is_not_ours_is_refused_by_the_live_server_too():
    answer = over_asgi("POST", "/api/v1/depots", body=b"{}", host="evil.example")
    assert (answer.status, answer.code()) == (400, "bad_request")


def test_a_query_of_foreign_bytes_is_refused_before_anything_reads_it():
    answer = over_asgi("GET", "/api/v1/depots", query=b"name=\xff\xfe")
    assert (answer.status, answer.code()) == (400, "bad_request")
    assert over_asgi("GET", "/admin/", query=b"name=\xff").headers["content-type"] != (
        "application/problem+json"
    )


@pytest.mark.parametrize(
    ("method", "body", "code"),
    [("POST", b"x" * 22_000_000, "body_too_large"), ("POST", b"\xff", "invalid_utf8")],
)
def test_a_body_that_cannot_be_read_is_refused_in_json(method, body, code):
    for send in (over_wsgi, over_asgi):
        assert send(method, "/api/v1/auth/token", body=body).code() == code


def test_a_length_that_is_no_number_is_refused_in_json():
    answer = over_wsgi("POST", "/api/v1/auth/token", CONTENT_LENGTH="many")
    assert (answer.status, answer.code()) == (400, "bad_request")


def test_a_middleware_that_breaks_is_a_500_in_json(monkeypatch):
    def broken(self, request):
        raise RuntimeError("a secret")

    monkeypatch.setattr("django.middleware.locale.LocaleMiddleware.process_request", broken)
    answer = over_wsgi("GET", "/api/v1/depots")
    assert (answer.status, answer.code()) == (500, "internal_error")
    assert b"secret" not in answer.body


def test_a_post_to_the_admin_still_needs_its_token():
    answer = over_wsgi("POST", "/admin/login/", body=b"{}")
    assert (answer.status, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "permission_denied"),
        (405, "method_not_allowed"),
        (418, "bad_request"),
        (502, "internal_error"),
    ],
)
def test_a_page_of_any_error_is_replaced(status, code):
    page = HttpResponse("<h1>No</h1>", status=status, headers={"Allow": "GET"})
    document = json.loads(problem_instead_of(page).content)
    assert document["code"] == code


def test_an_answer_in_json_stays_as_it_is():
    refused = HttpResponse('{"error":"x"}', status=400, content_type="application/json")
    assert problem_instead_of(refused) is refused
    assert problem_instead_of(HttpResponse("ok")).content == b"ok"
    replaced = problem_instead_of(HttpResponseServerError("x", headers={"Retry-After": "9"}))
    assert replaced["Retry-After"] == "9"
