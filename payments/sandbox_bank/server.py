"""The bank's HTTP API (JSON), one thread per connection.

    POST /payouts              with Idempotency-Key: 201 booked, 200 booked before; 400, 422
    GET  /payouts/{key}        200 the outcome, 404 unknown_key
    GET  /book?after=N         movements in order, `next` is where to go on (null at the end)
    GET  /counters             what the bank did
    PUT  /faults               {"permille": {"drop": 50}, "seed": 7, "hang_ms": 500, "next": [...]}
    POST /payouts/{key}/return {"reason": "…"}: a settled payout comes back
    GET  /health

With a token, every request but /health needs `Authorization: Bearer`.
"""

import hmac
import json
import threading
from collections import deque
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from payments.sandbox_bank.book import Book, InvalidRequest, KeyReused, as_json, wished
from payments.sandbox_bank.faults import Faults

MAX_BODY_BYTES = 65_536
PAGE = 200


class Bank(ThreadingHTTPServer):
    """A listening bank: `url`, its book, and the faults it is asked to have."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], book: Book, faults: Faults, token: str) -> None:
        super().__init__(address, Handler)
        self.book = book
        self.faults = faults
        self.token = token
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def stop(self) -> None:
        """Wake the hanging threads, stop listening, close the book."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self.book.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is everyday life."""


class Handler(BaseHTTPRequestHandler):
    server: Bank
    protocol_version = "HTTP/1.1"
    server_version = "SandboxBank/1"
    sys_version = ""
    timeout: ClassVar[int] = 60

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the book tells what happened."""

    # --- routes ----------------------------------------------------------------------------------
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/health":
            return self.answer(200, {"status": "ok"})
        if not self.allowed():
            return None
        if parts.path == "/book":
            return self.show_book(parse_qs(parts.query).get("after", ["0"])[0])
        if parts.path == "/counters":
            return self.answer(200, self.server.book.counters())
        if parts.path.startswith("/payouts/"):
            return self.show_payout(parts.path.removeprefix("/payouts/"))
        return self.answer(404, {"error": "not_found"})

    def do_POST(self) -> None:
        body = self.read_json()
        if not self.allowed():
            return None
        if self.path == "/payouts":
            return self.pay(body)
        if self.path.startswith("/payouts/") and self.path.endswith("/return"):
            return self.send_back(self.path.split("/")[2], body)
        return self.answer(404, {"error": "not_found"})

    def do_PUT(self) -> None:
        body = self.read_json()
        if not self.allowed():
            return None
        if self.path != "/faults":
            return self.answer(404, {"error": "not_found"})
        return self.set_faults(body)

    # --- what they do ----------------------------------------------------------------------------
    def pay(self, body: Any) -> None:
        """Book a payout, with the fault this request is struck by."""
        book, faults = self.server.book, self.server.faults
        key = self.headers.get("Idempotency-Key", "")
        book.count("requests")
        fault = faults.draw()
        if fault == "hang" and faults.coin():
            book.count("fault_hang")
            self.hang()
            fault = "late"
        try:
            payout, is_new = book.pay(key, body, refuse=fault == "refuse")
        except InvalidRequest as error:
            book.count("invalid")
            return self.answer(400, {"error": "invalid_request", "detail": str(error)})
        except KeyReused:
            book.count("invalid")
            return self.answer(422, {"error": "idempotency_key_reused"})
        if not is_new:
            book.count("replayed")
        if fault == "refuse" and not is_new:
            fault = ""  # what was booked before stands
        if is_new and not fault and wished(body) == "unanswered":
            fault = "drop"
        return self.answer_with(fault, 201 if is_new else 200, as_json(payout))

    def answer_with(self, fault: str, status: int, body: dict[str, Any]) -> None:
        if fault and fault != "late":
            self.server.book.count(f"fault_{fault}")
        if fault == "hang":
            self.hang()
        if fault in ("hang", "late", "drop"):
            self.close_connection = True
            return
        for _time in range(2 if fault == "twice" else 1):
            self.answer(status, body)

    def hang(self) -> None:
        wait = timedelta(milliseconds=self.server.faults.hang_ms)
        self.server.stopping.wait(wait.total_seconds())

    def show_payout(self, key: str) -> None:
        self.server.book.count("asked")
        payout = self.server.book.find(key)
        if payout is None:
            return self.answer(404, {"error": "unknown_key"})
        return self.answer(200, as_json(payout))

    def send_back(self, key: str, body: Any) -> None:
        reason = str(body.get("reason", "")) if isinstance(body, dict) else ""
        payout = self.server.book.send_back(key, reason or "returned")
        if payout is None:
            return self.answer(409, {"error": "not_settled"})
        return self.answer(200, as_json(payout))

    def show_book(self, after: str) -> None:
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            return self.answer(400, {"error": "invalid_request", "detail": "after: a number"})
        movements = self.server.book.movements(int(after), PAGE)
        following = movements[-1]["seq"] if len(movements) == PAGE else None
        return self.answer(200, {"movements": movements, "next": following})

    def set_faults(self, body: Any) -> None:
        try:
            self.server.faults = Faults(
                permille={str(k): int(v) for k, v in body.get("permille", {}).items()},
                seed=int(body.get("seed", 0)),
                hang_ms=int(body.get("hang_ms", 30_000)),
                queued=deque(body.get("next", [])),
            )
        except (AttributeError, TypeError, ValueError) as error:
            return self.answer(400, {"error": "invalid_request", "detail": str(error)})
        return self.answer(200, {"status": "ok"})

    # --- HTTP ------------------------------------------------------------------------------------
    def allowed(self) -> bool:
        expected = f"Bearer {self.server.token}".encode()
        given = self.headers.get("Authorization", "").encode()
        if self.server.token and not hmac.compare_digest(expected, given):
            self.answer(401, {"error": "not_authenticated"})
            return False
        return True

    def read_json(self) -> Any:
        """The body; None for what is no JSON (and refused as such where it is used)."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return None
        try:
            return json.loads(self.rfile.read(int(length)) or b"{}")
        except ValueError:
            return None

    def answer(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
