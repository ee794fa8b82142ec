"""Calls to the outside world: bounded in time and size, and never to an address of our own net.

A URL that a user gave (a webhook, a callback) may point anywhere, also at the machines beside us.
So only https to public addresses is called, the address is checked when the connection is made
and that very address is connected to (a name that changes its mind in between gains nothing),
redirects are not followed and proxies from the environment are not used.

Not here: signatures, retries (`voltop.outbox`) and connections that are kept open.
"""

import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError

TIMEOUT_S = 15.0
MAX_BYTES = 64 * 1024
MAX_URL_CHARS = 2048
PORTS = {"https": {443, 8443}, "http": {80, 8080}}
PRIVATE_SUFFIXES = (".localhost", ".local", ".localdomain", ".internal", ".home.arpa")

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")  # makes resolvers read the name as a number

# What IANA's registries of special-purpose addresses keep from the public net. Of IPv6 only
# 2000::/3 is handed out, which leaves out every form that embeds an IPv4 address except 6to4.
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_SPECIAL_V4 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24"
        " 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24"
        " 224.0.0.0/4 240.0.0.0/4"
    ).split()
)
_SPECIAL_V6 = tuple(
    map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)


class UrlNotAllowed(DomainError):
    """`extra.reason` is form, scheme, credentials, port, host, unresolved or address."""

    code = "url_not_allowed"
    status = 400
    message = _("This address may not be called: it must be https and public.")


class OutboundFailed(DomainError):
    """No usable answer; `extra.reason` is timeout, tls, connection, protocol or not_json."""

    code = "outbound_failed"
    status = 502
    message = _("The other side did not answer as it should.")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status. Header names are in lower case; `truncated` if the body was cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool

    @property
    def ok(self) -> bool:
        """2xx; a redirect is none."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The decoded body; OutboundFailed where it is not whole JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise OutboundFailed(reason="not_json", status=self.status) from None


def post_json(
    url: str,
    payload: Any,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    max_bytes: int = MAX_BYTES,
    allow_private: bool = False,
) -> Response:
    """POST `payload` as JSON (bytes go as they are: signed bodies).

    `timeout_s` bounds the whole call but the name's resolution, `max_bytes` what is read of the
    answer. `allow_private` is for addresses that the deployment's own settings name, such as the
    bank's; never for one that a user gave. Raises UrlNotAllowed, OutboundFailed.
    """
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    target = _parse(url, allow_private=allow_private)
    return _send("POST", target, headers, body, timeout_s=timeout_s, max_bytes=max_bytes)


def get_json(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    max_bytes: int = MAX_BYTES,
    allow_private: bool = False,
) -> Response:
    """GET; bounds and errors as in `post_json`."""
    target = _parse(url, allow_private=allow_private)
    return _send("GET", target, headers or {}, b"", timeout_s=timeout_s, max_bytes=max_bytes)


def check_url(url: str) -> None:
    """Refuse a user's URL when it is saved: what `post_json` would refuse, as seen today.

    Raises UrlNotAllowed, also for a name that does not resolve.
    """
    target = _parse(url, allow_private=False)
    if not target.trusted:
        _public_addresses(target.host, target.port)


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str
    trusted: bool


def _parse(url: str, *, allow_private: bool) -> _Target:
    """The parts of a URL whose form is allowed; where it leads is checked on connecting."""
    if len(url) > MAX_URL_CHARS or not re.fullmatch(r"[!-~]+", url):
        raise UrlNotAllowed(field="url", reason="form")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise UrlNotAllowed(field="url", reason="form") from None
    if parts.scheme not in PORTS or not host:
        raise UrlNotAllowed(field="url", reason="scheme")
    if "@" in parts.netloc:
        raise UrlNotAllowed(field="url", reason="credentials")
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    trusted = allow_private or f"{host}:{port}" in settings.OUTBOUND_ALLOWED
    if not trusted:
        if parts.scheme != "https" and not settings.DEMO:
            raise UrlNotAllowed(field="url", reason="scheme")
        if port not in PORTS[parts.scheme]:
            raise UrlNotAllowed(field="url", reason="port")
        if not _is_public_host(host):
            raise UrlNotAllowed(field="url", reason="host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(parts.scheme, host, port, path, trusted)


def _is_public_host(host: str) -> bool:
    """Whether a host is a public address, or a name of public form."""
    try:
        return _is_public(host)
    except ValueError:
        pass
    labels = host.split(".")
    return (
        len(host) <= 253
        and len(labels) > 1
        and all(map(_LABEL.fullmatch, labels))
        and not _NUMERIC_LABEL.fullmatch(labels[-1])
        and not host.endswith(PRIVATE_SUFFIXES)
    )


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in network for network in _SPECIAL_V4)
    return ip in _PUBLIC_V6 and not any(ip in network for network in _SPECIAL_V6)


def _public_addresses(host: str, port: int) -> list[str]:
    """What the name resolves to; one special address among them taints the name."""
    addresses = _resolve(host, port)
    if not all(map(_is_public, addresses)):
        raise UrlNotAllowed(field="url", reason="address")
    return addresses


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UrlNotAllowed(field="url", reason="unresolved") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _send(
    method: str,
    target: _Target,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_s: float,
    max_bytes: int,
) -> Response:
    """One request on a connection of its own."""
    sent = {
        "Host": _host_header(target),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "Voltop",
        **headers,
        "Content-Length": str(len(body)),
    }
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    network = _GuardedNetwork(target, timeout_s)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_tls(), network_backend=network) as pool,
            pool.stream(method, url, headers=list(sent.items()), content=body) as answer,
        ):
            return _read(answer, max_bytes)
    except httpcore.TimeoutException:
        raise OutboundFailed(reason="timeout") from None
    except httpcore.NetworkError:
        raise OutboundFailed(reason="connection") from None
    except httpcore.ProtocolError:
        raise OutboundFailed(reason="protocol") from None


def _read(answer: httpcore.Response, max_bytes: int) -> Response:
    body = bytearray()
    for chunk in answer.iter_stream():
        body += chunk
        if len(body) > max_bytes:
            break  # the rest is left on the wire, the connection is closed
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in answer.headers}
    return Response(answer.status, headers, bytes(body[:max_bytes]), len(body) > max_bytes)


class _GuardedNetwork(httpcore.NetworkBackend):
    """Resolves, checks and connects in one step, and puts one deadline on all that follows."""

    def __init__(self, target: _Target, timeout_s: float) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        find = _resolve if self._target.trusted else _public_addresses
        addresses = find(host, port)
        deadline = time.monotonic() + self._timeout_s
        failure = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, timeout=_left(deadline))
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _TimedStream(stream, deadline)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every step ends with the deadline of the whole call."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left_s = _left(self._deadline)
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, left_s)
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise OutboundFailed(reason="tls") from None
            raise
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time of the call is used up")
    return left


def _host_header(target: _Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    default = 443 if target.scheme == "https" else 80
    return host if target.port == default else f"{host}:{target.port}"


@cache
def _tls() -> ssl.SSLContext:
    """Certificates of the machine and of certifi; loading them takes tens of milliseconds."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
