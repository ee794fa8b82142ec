"""Runs the sandbox bank as a process of its own, for tests."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
TOKEN = "sandbox-token"


@dataclass
class RunningBank:
    """A bank that listens; talks to it as a bank clerk would, past Voltop."""

    url: str
    process: subprocess.Popen

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request on a connection of its own; its status and JSON."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(
                method,
                path,
                json.dumps(body) if body is not None else None,
                {"Authorization": f"Bearer {TOKEN}", **headers},
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def pay(self, key: str, request: dict[str, Any]) -> tuple[int, Any]:
        return self.call("POST", "/payouts", request, **{"Idempotency-Key": key})

    def faults(self, *queued: str, hang_ms: int = 300, seed: int = 0, **permille: int) -> None:
        body = {"next": queued, "hang_ms": hang_ms, "seed": seed, "permille": permille}
        assert self.call("PUT", "/faults", body)[0] == 200

    def counters(self) -> dict[str, Any]:
        return self.call("GET", "/counters")[1]

    def movements(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = self.call("GET", f"/book?after={after}")[1]
            found += page["movements"]
            after = page["next"]
        return found


@contextmanager
def running_bank(book: Path, *arguments: str) -> Iterator[RunningBank]:
    """Start a bank on a free port with this book; killed at the end if it does not stop."""
    process = subprocess.Popen(
        [sys.executable, "-m", "payments.sandbox_bank", "--book", str(book), *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "SANDBOX_BANK_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield RunningBank(json.loads(process.stdout.readline())["bank"], process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
