"""What a request may weigh: told to the application, and to the servers that stand before it."""

import asyncio
import json
import socket
import time
from contextlib import closing

import pytest
from django.test import Client

from voltop.api import bounds
from voltop.embedded.supervisor import listen
from voltop.tests.embedded_instance import free_port
from voltop.tests.real_processes import Process, ended, wait_until, web
from voltop.tests.test_api_one_shape import over_asgi, over_wsgi

ROUTE = "/api/v1/auth/token"
TOO_MUCH = {
    "url_too_long": {"query": "x" * 9_000},
    "headers_too_large": {"HTTP_X_LONG": "x" * 40_000},
    "body_too_large": {"CONTENT_LENGTH": "5000000000"},
    "bad_request": {"CONTENT_LENGTH": "-1"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("code", TOO_MUCH)
def test_a_request_out_of_bounds_is_refused_before_its_body_is_read(code):
    answer = over_wsgi("POST", ROUTE, **TOO_MUCH[code])
    assert answer.code() == code


@pytest.mark.django_db
def test_many_headers_are_too_large_too():
    many = {f"HTTP_X_{n}": "1" for n in range(200)}
    assert over_wsgi("POST", ROUTE, **many).status == 431


@pytest.mark.django_db
def test_pages_are_refused_in_one_plain_line():
    answer = Client().get("/admin/", {"q": "x" * 9_000})
    assert (answer.status_code, answer["Content-Type"]) == (414, "text/plain")
    assert b"<" not in answer.content


def asked(*, headers=(), chunks=((b"{}", 0.0),), path=ROUTE, query=b""):
    """The answer of the ASGI application, and how many parts of the body it took."""
    from voltop.asgi import application

    sent, left = [], list(chunks)

    async def receive():
        body, after_s = left.pop(0)
        await asyncio.sleep(after_s)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": query, "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    asyncio.run(application(scope, receive, send))
    names = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    assert names["connection"] == "close"
    body = b"".join(part.get("body", b"") for part in sent[1:])
    return sent[0]["status"], body, len(chunks) - len(left)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"headers": [(b"content-length", b"5000000000")]}, "body_too_large"),
        ({"headers": [(b"content-length", b"9" * 400)]}, "body_too_large"),
        ({"headers": [(b"content-length", b"1e3")]}, "bad_request"),
        ({"headers": [(b"x-long", b"x" * 100_000)]}, "headers_too_large"),
        ({"query": b"x" * 20_000}, "url_too_long"),
    ],
)
def test_the_live_server_refuses_by_the_head_alone(values, code):
    status, body, taken = asked(**values)
    document = json.loads(body)
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"]
    assert taken == 0


def test_a_body_without_a_stated_length_is_read_up_to_the_bound():
    status, body, taken = asked(chunks=[(b"x" * 4_000_000, 0.0)] * 10)
    assert (status, json.loads(body)["code"], taken) == (413, "body_too_large", 6)


def test_a_body_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(bounds, "BODY_WITHIN_S", 0.05)
    status, body, _taken = asked(chunks=[(b"{", 0.0), (b"}", 60.0)])
    assert (status, json.loads(body)["code"]) == (408, "body_too_slow")
    status, body, _taken = asked(chunks=[(b"{", 60.0)], path="/admin/login/")
    assert (status, body) == (408, b"The body did not arrive in time.")


@pytest.mark.django_db(transaction=True)
def test_the_usual_is_in_bounds():
    assert over_asgi("POST", "/api/v1/nowhere", body=b"x" * 900_000).status == 404


# --- The servers themselves ----------------------------------------------------------------------
GIVE_UP_S = 60


def spoken(port: int, *parts: bytes) -> bytes:
    """What the server says until it closes; TimeoutError where it keeps the connection."""
    with socket.create_connection(("127.0.0.1", port), GIVE_UP_S) as line:
        for part in parts:
            try:
                line.sendall(part)
            except OSError:
                break
        heard = b""
        try:
            while more := line.recv(65_536):
                heard += more
        except ConnectionResetError:  # it closed with some of ours unread
            pass
        return heard


def answers(port: int) -> bool:
    try:
        return (
            spoken(port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            > b""
        )
    except OSError:
        return False


def head(path: bytes, *lines: bytes) -> bytes:
    first = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


ROWS = [
    ("413", head(ROUTE.encode(), b"Content-Length: 5000000000") + b"{"),
    ("413", head(b"/admin/login/", b"Content-Length: 5000000000") + b"{"),
    ("431", head(ROUTE.encode(), b"X-Long: " + b"x" * 100_000)),
    ("431", head(ROUTE.encode(), *[b"X-%d: 1" % n for n in range(500)])),
    ("414", head(ROUTE.encode() + b"?" + b"x" * 20_000)),
    ("400", head(ROUTE.encode(), b"Content-Length: 5", b"Content-Length: 6") + b"{}"),
    ("400", head(ROUTE.encode(), b"Content-Length: -5")),
    ("400", b"nonsense\r\n\r\n"),
]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("server", ["demo", "web"])
def test_a_server_refuses_and_hangs_up(server, tmp_path):
    """Where a server's own parser refuses before us, it says 400."""
    log, port = tmp_path / "server.log", free_port()
    with closing(listen("127.0.0.1", port if server == "demo" else 0)) as listener:
        number = listener.fileno()
        if server == "demo":
            args = ("voltop.embedded.web", "--fd", str(number))
            process = Process(log, *args, pass_fds=(number,), VOLTOP_DEMO="1").start()
        else:
            process = web(log, port, VOLTOP_DEMO="1").start()
    with ended(process):
        wait_until(lambda: answers(port), within_s=GIVE_UP_S, meanwhile=process.still_lives)
        for status, request in ROWS:
            begun = time.monotonic()
            heard = spoken(port, request)
            assert time.monotonic() - begun < GIVE_UP_S, request[:80]
            first = heard.partition(b"\r\n")[0].decode("latin1")
            assert any(f" {code} " in f"{first} " for code in (status, "400")), (
                request[:80],
                first,
            )
        assert answers(port)
