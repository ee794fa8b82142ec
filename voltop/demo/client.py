"""A small, patient client of Voltop's API, as an integrator would write one.

Logs in, refreshes its token, sends an Idempotency-Key with every POST and repeats the very same
request when the network or a busy server (429, 503) asks for it; one that is still at work there
(409 `idempotency_in_progress`, after a time-out here) is waited for. Not here: what is said.
"""

import gzip
import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx

TRIES = 8
# How long a request may still be at work on the server after it timed out here.
PATIENCE_S = 300


class ApiError(Exception):
    """An answer of 400 or more that repeating will not change."""

    def __init__(self, method: str, path: str, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        super().__init__(f"{method} {path}: {status} {self.code} {problem}")


class Client:
    """One person (or tracker source) at the API. Safe to use from several threads."""

    def __init__(self, base_url: str, *, token: str = "", provider_id: int | None = None) -> None:
        self._http = httpx.Client(base_url=f"{base_url}/api/v1/", timeout=60)
        self._lock = threading.Lock()
        self._login: tuple[str, str] | None = None
        self._token = token
        self._expires = float("inf") if token else 0.0
        self._refresh = ""
        self._headers = {"X-Voltop-Provider": str(provider_id)} if provider_id else {}

    def log_in(self, login: str, password: str) -> "Client":
        self._login = (login, password)
        self._renew()
        return self

    def accept_invitation(self, code: str, password: str) -> "Client":
        """Set the first password of whoever was sent this code, and be logged in as them."""
        answer = self._http.post("auth/invitation", json={"code": code, "new_password": password})
        if answer.status_code >= 400:
            raise ApiError("POST", "auth/invitation", answer.status_code, _problem(answer))
        pair = answer.json()
        self._token, self._refresh = pair["access_token"], pair["refresh_token"]
        self._expires = time.monotonic() + pair["expires_in_s"] * 0.8
        return self

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        return self._send("GET", path, params=parameters)

    def each(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        cursor = None
        while True:
            asked = parameters | ({"cursor": cursor} if cursor else {})
            page = self.get(path, page_size=200, **asked)
            yield from page["results"]
            cursor = page["next"]
            if cursor is None:
                return

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """POST JSON. `key` is the Idempotency-Key, by default one of its own."""
        return self._send("POST", path, json=body or {}, headers=_key(key))

    def post_plain(self, path: str, body: Any) -> Any:
        """POST JSON without a key: for what shows a secret once and so refuses to be repeated."""
        return self._send("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._send("PATCH", path, json=body)

    def post_gzip(self, path: str, body: bytes) -> Any:
        """POST ready JSON, compressed; without a key, for what is idempotent by itself."""
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return self._send("POST", path, content=gzip.compress(body, 1), headers=headers)

    def _send(self, method: str, path: str, **request: Any) -> Any:
        headers = self._headers | request.pop("headers", {})
        pause = 0.2
        left = TRIES
        patient_until = time.monotonic() + PATIENCE_S
        while True:
            left -= 1
            self._renew_if_due()
            bearer = {"Authorization": f"Bearer {self._token}"}
            try:
                answer = self._http.request(method, path, headers=headers | bearer, **request)
            except httpx.TransportError:
                if not left:
                    raise
                time.sleep(pause)
                pause = min(pause * 2, 5)
                continue
            if answer.status_code in (429, 503) and left:
                time.sleep(min(float(answer.headers.get("Retry-After", pause)), 10))
                pause = min(pause * 2, 5)
                continue
            if answer.status_code >= 400:
                problem = ApiError(method, path, answer.status_code, _problem(answer))
                if problem.code != "idempotency_in_progress" or time.monotonic() > patient_until:
                    raise problem
                left = max(left, 1)
                time.sleep(pause)
                pause = min(pause * 2, 5)
                continue
            return answer.json() if answer.content else None

    def _renew_if_due(self) -> None:
        if time.monotonic() < self._expires:
            return
        with self._lock:
            if time.monotonic() >= self._expires:
                self._renew()

    def _renew(self) -> None:
        if self._login is None:
            raise RuntimeError("log in first")
        pair = self._refreshed() or self._http.post(
            "auth/token", json={"login": self._login[0], "password": self._login[1]}
        )
        if pair.status_code >= 400:
            raise ApiError("POST", "auth/token", pair.status_code, _problem(pair))
        found = pair.json()
        self._token = found["access_token"]
        self._refresh = found["refresh_token"]
        self._expires = time.monotonic() + found["expires_in_s"] * 0.8

    def _refreshed(self) -> httpx.Response | None:
        if not self._refresh:
            return None
        answer = self._http.post("auth/refresh", json={"refresh_token": self._refresh})
        return answer if answer.status_code < 400 else None


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except json.JSONDecodeError:
        return {"detail": answer.text[:500]}
    return found if isinstance(found, dict) else {"detail": found}
