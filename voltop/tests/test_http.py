"""Outbound calls reach no private address by any road, and end within their bounds."""

import json
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from voltop import http
from voltop.http import OutboundFailed, UrlNotAllowed
from voltop.tests.listeners import Listener, answer, connections_seen

PRIVATE_URLS = [
    "https://127.0.0.1/", "https://127.1/", "https://0/", "https://0.0.0.0/",
    "https://2130706433/", "https://0x7f.1/", "https://0x7f000001/", "https://0177.0.0.1/",
    "https://017700000001/", "https://127.0.0.1.:443/", "https://127.0.0.1:8443/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:7f00:1]/", "https://[::ffff:127.0.0.1]/",
    "https://[0:0:0:0:0:ffff:7f00:1]/", "https://[::7f00:1]/", "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/", "https://[fd00::1]/", "https://[fc00::1]/", "https://[ff02::1]/",
    "https://[2001:db8::1]/", "https://[fec0::1]/", "https://[::1]public.example/",
    "https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/",
    "https://172.31.255.255/", "https://192.168.1.1/", "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/", "https://198.18.0.1/", "https://192.0.0.8/",
    "https://192.0.2.1/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/",
    "https://metadata.google.internal/", "https://localhost/", "https://LOCALHOST/",
    "https://localhost./", "https://foo.localhost/", "https://printer.local/", "https://intranet/",
    "https://router.home.arpa/", "https://1.2.3.4.5/", "https://example.0x7f/",
]  # fmt: skip
FORMS = [
    "http://public.example/", "HTTP://public.example/", "gopher://public.example/",
    "file:///etc/passwd", "ftp://public.example/", "unix:///run/postgres.sock",
    "javascript:alert(1)", "data:text/html,x", "//public.example/", "public.example", "", "https://",
    "https:///path", "https://u:p@public.example/", "https://public.example@127.0.0.1/",
    "https://@public.example/", "https://public.example:22/", "https://public.example:6379/",
    "https://public.example:5432/", "https://public.example:0/", "https://public.example:99999/",
    "https://public.example:x/", "https://public.example\\@127.0.0.1/", "https://public.example /",
    "https://public.example/\r\nHost: x", "https://public.example/\0", "https://pub\tlic.example/",
    "https://[::1/", "https://bücher.example/", "https://ⓛocalhost/", "https://-a.example/",
    "https://a..example/", "https://public.example/" + "a" * 3000,
]  # fmt: skip
REBINDING = [
    ["127.0.0.1"], ["::1"], ["10.1.2.3"], ["169.254.169.254"], ["::ffff:127.0.0.1"],
    ["fd00::1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["0.0.0.0"],
    ["64:ff9b::a00:1"], ["fe80::1%2"],
]  # fmt: skip


@pytest.fixture
def names(monkeypatch):
    """A stub resolver: name → list of answers, one per question, the last one for ever."""
    answers: dict[str, list[list[str]]] = {"public.example": [["8.8.8.8"]]}
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host in answers:
            coming = answers[host]
            addresses = coming.pop(0) if len(coming) > 1 else coming[0]
            return [entry for item in addresses for entry in real(item, port, *args, **kwargs)]
        try:
            ip_address(host)
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, "unknown to the stub") from None
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


@pytest.fixture
def listen(settings):
    """Start a listener that may be called."""
    listeners = []

    def start(behaviour, tls=None) -> Listener:
        listener = Listener(behaviour, tls)
        listeners.append(listener)
        settings.OUTBOUND_ALLOWED = [
            *settings.OUTBOUND_ALLOWED,
            f"127.0.0.1:{listener.port}",
            f"bank.example:{listener.port}",
        ]
        return listener

    yield start
    for listener in listeners:
        listener.close()


def url(listener: Listener, path: str = "/") -> str:
    return f"http://127.0.0.1:{listener.port}{path}"


@pytest.mark.parametrize("target", PRIVATE_URLS + FORMS)
def test_a_url_that_is_not_https_and_public_is_refused_when_saved_and_when_called(names, target):
    with connections_seen() as seen:
        for call in (http.check_url, http.get_json, lambda item: http.post_json(item, {})):
            with pytest.raises(UrlNotAllowed) as error:
                call(target)
            assert error.value.field == "url"
    assert seen == []


@pytest.mark.parametrize("addresses", REBINDING)
def test_a_public_name_with_a_private_address_is_refused_when_saved_and_at_connect(
    names, addresses
):
    names["evil.example"] = [addresses]
    with connections_seen() as seen:
        with pytest.raises(UrlNotAllowed) as saving:
            http.check_url("https://evil.example/hook")
        with pytest.raises(UrlNotAllowed) as calling:
            http.post_json("https://evil.example/hook", {})
    assert (saving.value.extra, calling.value.extra) == ({"reason": "address"},) * 2
    assert seen == []


@pytest.mark.parametrize("addresses", REBINDING)
def test_a_name_that_turns_private_after_it_was_saved_is_refused(names, addresses):
    names["evil.example"] = [["8.8.8.8"], addresses]
    http.check_url("https://evil.example/hook")
    with connections_seen() as seen, pytest.raises(UrlNotAllowed):
        http.post_json("https://evil.example/hook", {})
    assert seen == []


def test_the_address_that_was_checked_is_the_one_connected_to(names, monkeypatch):
    """The name answers public once and private from then on; only one question is asked."""
    names["evil.example"] = [["8.8.8.8"], ["127.0.0.1"]]
    tried = []

    def refuse(self, address, port, timeout=None, **kwargs):
        tried.append((address, port))
        raise http.httpcore.ConnectError("no net here")

    monkeypatch.setattr(http.httpcore.SyncBackend, "connect_tcp", refuse)
    with pytest.raises(OutboundFailed) as error:
        http.post_json("https://evil.example/hook", {})
    assert error.value.extra == {"reason": "connection"}
    assert tried == [("8.8.8.8", 443)]
    assert names["evil.example"] == [["127.0.0.1"]]  # the second answer was never asked for


@pytest.mark.parametrize(
    "host",
    ["localhost", "intranet", "foo.localhost", "printer.local", "metadata.google.internal",
     "router.home.arpa", "2130706433", "0x7f.1", "127.1", "1.2.3.4.5", "a.0x7f", "public.example."],
)  # fmt: skip
def test_a_name_that_is_internal_by_its_form_is_refused_wherever_it_leads(names, host):
    names[host] = [["8.8.8.8"]]
    with pytest.raises(UrlNotAllowed) as error:
        http.check_url(f"https://{host}/")
    assert error.value.extra == {"reason": "host"}


def test_an_unknown_name_is_refused_when_saved(names):
    with pytest.raises(UrlNotAllowed) as error:
        http.check_url("https://nowhere.example/")
    assert error.value.extra == {"reason": "unresolved"}


@pytest.mark.parametrize(
    "target",
    ["https://public.example", "https://public.example:8443/a?b=c#d", "https://8.8.8.8/",
     "https://[2606:4700::1111]/", "HTTPS://Public.Example/"],
)  # fmt: skip
def test_public_https_urls_may_be_saved(names, target):
    http.check_url(target)


def test_plain_http_to_public_addresses_is_for_the_demo_only(names, settings):
    with pytest.raises(UrlNotAllowed):
        http.check_url("http://public.example/")
    settings.DEMO = True
    http.check_url("http://public.example/")
    for target in ("http://127.0.0.1/", "http://localhost/", "http://public.example:22/"):
        with pytest.raises(UrlNotAllowed):
            http.check_url(target)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
def test_a_redirect_is_an_answer_and_is_not_followed(listen, status):
    inner = listen(answer("200 OK", b"{}"))
    outer = listen(answer(status, b"", f"Location: {url(inner)}"))
    with connections_seen() as seen:
        response = http.post_json(url(outer), {})
    assert response.status == int(status[:3])
    assert not response.ok
    assert inner.requests == []
    assert [address[1] for address in seen] == [outer.port]


def test_a_post_carries_its_body_and_headers_as_they_are(listen):
    listener = listen(answer("201 Created", b'{"paid": "12.50"}', "X-Bank: 1"))
    response = http.post_json(
        url(listener, "/payouts?x=1"), {"amount": "12.50"}, headers={"Idempotency-Key": "k1"}
    )
    assert (response.status, response.ok, response.truncated) == (201, True, False)
    assert response.headers["x-bank"] == "1"
    assert response.json() == {"paid": "12.50"}
    head, _, body = listener.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /payouts?x=1 HTTP/1.1\r\n")
    assert json.loads(body) == {"amount": "12.50"}
    headers = head.decode().split("\r\n")[1:]
    assert "Idempotency-Key: k1" in headers
    assert f"Host: 127.0.0.1:{listener.port}" in headers
    http.post_json(url(listener), b'{"signed":  1}')
    assert listener.requests[1].endswith(b'\r\n\r\n{"signed":  1}')


def test_a_get_has_no_body(listen):
    listener = listen(answer("200 OK", b"[1]"))
    assert http.get_json(url(listener)).json() == [1]
    assert listener.requests[0].startswith(b"GET / HTTP/1.1\r\n")


def test_a_private_address_of_our_own_settings_may_be_called(settings):
    listener = Listener(answer("200 OK", b"{}"))
    with pytest.raises(UrlNotAllowed):
        http.get_json(url(listener))
    assert http.get_json(url(listener), allow_private=True).ok
    listener.close()


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_any_status_is_an_answer(listen, status):
    assert http.get_json(url(listen(answer(f"{status} X", b"{}")))).status == status


@pytest.mark.parametrize("header", ["Content-Length: 1000000000", "Transfer-Encoding: chunked"])
def test_an_endless_answer_is_cut_at_64_kib(listen, header):
    sent = []

    def flood(peer) -> None:
        peer.sendall(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode())
        block = b"x" * 16384
        while True:
            peer.sendall(b"4000\r\n" + block + b"\r\n" if "chunked" in header else block)
            sent.append(len(block))

    response = http.get_json(url(listen(flood)))
    assert len(response.body) == 65536
    assert response.truncated
    time.sleep(0.1)
    assert sum(sent) < 20_000_000  # the connection was closed, not drained


def test_a_small_answer_may_be_cut_smaller(listen):
    response = http.get_json(url(listen(answer("200 OK", b"0123456789"))), max_bytes=4)
    assert (response.body, response.truncated) == (b"0123", True)
    with pytest.raises(OutboundFailed) as error:
        http.get_json(url(listen(answer("200 OK", b'{"a": 1}'))), max_bytes=4).json()
    assert error.value.extra == {"reason": "not_json", "status": 200}


@pytest.mark.parametrize("part", ["silence", "head", "header", "body", "request"])
def test_a_slow_answer_is_cut_when_the_time_of_the_whole_call_is_used_up(listen, part):
    def drip(peer) -> None:
        if part == "silence":
            time.sleep(5)
        first = {
            "head": b"",
            "header": b"HTTP/1.1 200 OK\r\nX: ",
            "body": b"HTTP/1.1 200 OK\r\n\r\n",
        }
        peer.sendall(first.get(part, b""))
        for _ in range(100):
            peer.sendall(b"H" if part == "head" else b"a")
            time.sleep(0.05)

    started = time.monotonic()
    with pytest.raises(OutboundFailed) as error:
        http.get_json(url(listen(drip)), timeout_s=0.5)
    assert time.monotonic() - started < 1.5
    assert error.value.extra["reason"] in ("timeout", "protocol")
    if part in ("silence", "header", "body"):
        assert error.value.extra["reason"] == "timeout"


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000],
)  # fmt: skip
def test_a_broken_answer_is_a_named_failure(listen, raw):
    with pytest.raises(OutboundFailed) as error:
        http.get_json(url(listen(lambda peer: peer.sendall(raw))))
    assert error.value.extra["reason"] in ("protocol", "connection")


def test_nobody_there_is_a_named_failure():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # the port is ours, but nobody listens
        target = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        with pytest.raises(OutboundFailed) as error:
            http.get_json(target, allow_private=True)
    assert error.value.extra == {"reason": "connection"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_not_json_is_a_named_failure(listen, body):
    response = http.get_json(url(listen(answer("200 OK", body))), max_bytes=10**6)
    with pytest.raises(OutboundFailed) as error:
        response.json()
    assert error.value.extra["reason"] == "not_json"


def test_a_header_cannot_smuggle_another(listen):
    listener = listen(answer("200 OK"))
    with pytest.raises(OutboundFailed):
        http.get_json(url(listener), headers={"X-Name": "a\r\nX-Other: b"})
    assert listener.requests == []


def test_proxies_of_the_environment_are_not_used(listen, monkeypatch):
    proxy, listener = listen(answer("200 OK", b'"proxy"')), listen(answer("200 OK", b'"direct"'))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, url(proxy))
    assert http.get_json(url(listener)).json() == "direct"


# --- TLS -----------------------------------------------------------------------------------------


def self_signed(name: str, folder) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    at = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    chain, private = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(certificate.public_bytes(pem))
    private.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(chain), str(private)


@pytest.mark.parametrize(
    ("presented", "trusted", "works"),
    [("bank.example", True, True), ("other.example", True, False), ("bank.example", False, False)],
)
def test_tls_is_verified_against_the_name_of_the_url(
    names, listen, tmp_path, monkeypatch, presented, trusted, works
):
    chain, private = self_signed(presented, tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, private)
    client = ssl.create_default_context(cafile=chain if trusted else None)
    monkeypatch.setattr(http, "_tls", lambda: client)
    listener = listen(answer("200 OK", b"{}"), server)
    names["bank.example"] = [["127.0.0.1"]]
    target = f"https://bank.example:{listener.port}/"
    if works:
        assert http.get_json(target).ok
    else:
        with pytest.raises(OutboundFailed) as error:
            http.get_json(target)
        assert error.value.extra == {"reason": "tls"}


def test_the_machines_and_certifis_certificates_are_trusted():
    assert http._tls().verify_mode is ssl.CERT_REQUIRED
    assert http._tls().check_hostname
    assert len(http._tls().get_ca_certs()) > 50
