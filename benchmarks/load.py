"""Sends requests over kept-alive connections: as fast as answers come, or at a fixed rate."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Request = Callable[[], bytes]
"""Makes the whole next request; called outside any lock."""


class Connection:
    """HTTP/1.1 over one socket: no more than these servers' answers need."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> tuple[int, bytes]:
        """The answer's status and body."""
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head = data[:end].lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        while len(data) < end + 4 + length:
            data += self._receive()
        return int(head[9:12]), data[end + 4 : end + 4 + length]

    def _receive(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def close(self) -> None:
        self._socket.close()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Load:
    """What came of one stretch of load. Latencies in seconds; at a fixed rate they count from
    when the request was due, so that a server that falls behind is seen to.
    """

    seconds: float = 0.0
    answers: list[Any] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def closed_loop(
    port: int, requests: Iterator[Request], *, connections: int, seconds: float
) -> Load:
    """Each connection sends its next request when its last is answered."""
    deadline = time.perf_counter() + seconds

    def due(_: int) -> float | None:
        now = time.perf_counter()
        return now if now < deadline else None

    return _run(port, requests, connections, due)


def open_loop(
    port: int, requests: Iterator[Request], *, connections: int, seconds: float, rate: float
) -> Load:
    """`rate` requests a second, whatever the server makes of them."""
    start = time.perf_counter()
    total = int(rate * seconds)

    def due(number: int) -> float | None:
        return start + number / rate if number < total else None

    return _run(port, requests, connections, due)


def _run(
    port: int,
    requests: Iterator[Request],
    connections: int,
    due: Callable[[int], float | None],
) -> Load:
    load = Load()
    lock = threading.Lock()
    numbers = itertools.count()

    def work() -> None:
        connection = Connection(port)
        try:
            while True:
                with lock:
                    at = due(next(numbers))
                    make = next(requests) if at is not None else None
                if at is None or make is None:
                    return
                request = make()
                if (wait := at - time.perf_counter()) > 0:
                    time.sleep(wait)
                status, body = connection.send(request)
                load.latencies.append(time.perf_counter() - at)
                if status == 200:
                    load.answers.append(json.loads(body))
                else:
                    load.failures.append(f"{status} {body[:300]!r}")
        except (OSError, ValueError) as error:
            load.failures.append(repr(error))
        finally:
            connection.close()

    started = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load
