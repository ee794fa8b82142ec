"""Small servers on 127.0.0.1 that behave as a test tells them, and an eye on every connect."""

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[socket.socket], None]

_watched: list[list[tuple]] = []


def _audit(event: str, args: tuple) -> None:
    if event == "socket.connect" and _watched and isinstance(args[1], tuple):
        for seen in _watched:
            seen.append(args[1])


@contextmanager
def connections_seen() -> Iterator[list[tuple]]:
    """Every TCP address that this process connects to, as the interpreter itself reports it."""
    if not getattr(sys, "_voltop_audit", False):  # an audit hook can never be taken off again
        sys.addaudithook(_audit)
        sys._voltop_audit = True
    seen: list[tuple] = []
    _watched.append(seen)
    try:
        yield seen
    finally:
        _watched.remove(seen)


class Listener:
    """Accepts connections, reads one whole request each and lets `answer` do the rest."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _address = self.socket.accept()
                threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            request = read_request(peer)
            if request is not None:
                self.requests.append(request)
                self.answer(peer)

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self.socket.close()


def read_request(peer: socket.socket) -> bytes | None:
    """One whole request; none where the caller went away in the middle of it (killed, closed)."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = peer.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        chunk = peer.recv(65536)
        if not chunk:
            return None
        body += chunk
    return head + b"\r\n\r\n" + body


def answer(status: str, body: bytes = b"", *headers: str) -> Answer:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda peer: peer.sendall(whole)
