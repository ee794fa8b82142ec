"""People who log in over HTTP, for tests of log-in and tokens."""

import json
import re
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.core import mail
from django.test import Client

from fleets import services
from fleets.models import FleetProvider, Membership, User
from voltop import clock, outbox
from voltop.context import Actor
from voltop.outbox import Delivery, OutboxMessage

PASSWORD = "correct horse battery"
SYSTEM = Actor.system("tests")
PHONE_ID = "a-phone-of-sixteen-or-more"


_building = Lock()
_handler = Client().handler  # one for all clients: its middleware is built once


def _client() -> Client:
    """A client of its own for each request, so that threads do not meet in it."""
    with _building:
        if _handler._middleware_chain is None:
            _handler.load_middleware()
    client = Client(raise_request_exception=False)
    client.handler = _handler
    return client


@dataclass
class Api:
    """The API as one caller: `token` goes along as Bearer."""

    token: str = ""
    refresh_token: str = ""
    address: str = "198.51.100.7"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request; bytes go as they are, anything else as JSON."""
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        kind = headers.pop("content_type", "application/json")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        return _client().generic(
            method,
            f"/api/v1/{path}",
            raw,
            content_type=kind,
            headers=headers,
            REMOTE_ADDR=self.address,
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)


def make_user(email: str = "ana@example.com", **fields: Any) -> User:
    fields.setdefault("full_name", "Ana")
    return User.objects.create_user(email, PASSWORD, **fields)


def make_provider(name: str = "Volta") -> FleetProvider:
    """An active company in Germany."""
    provider = services.create_provider(
        actor=SYSTEM, name=name, country="DE", currency="EUR", time_zone="Europe/Berlin"
    )
    return services.activate_provider(provider, actor=SYSTEM)


def join(user: User, provider: FleetProvider, role: str = "owner") -> Membership:
    return services.add_member(provider, user, actor=SYSTEM, role=role)


def log_in(email: str = "ana@example.com", device_id: str = "", **headers: str) -> Api:
    """A logged-in caller."""
    body: dict[str, Any] = {"login": email, "password": PASSWORD}
    if device_id:
        body["device"] = {"id": device_id, "name": "Pixel"}
    answer = Api().post("auth/token", body, **headers)
    assert answer.status_code == 200, answer.content
    pair = answer.json()
    return Api(pair["access_token"], pair["refresh_token"])


def problem(answer: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of a refusal, without the request id, for comparing refusals."""
    body = answer.json()
    body.pop("request_id")
    return answer.status_code, body


def post_out() -> list[Any]:
    """Have every message that waits sent, as a worker would; all e-mails sent so far."""
    waiting = OutboxMessage.objects.filter(sent_at__isnull=True).order_by("id")
    for message in waiting.filter(topic__in=("fleets.send_code", "fleets.tell_invited")):
        outbox._handlers[message.topic].deliver(
            Delivery(
                id=message.uuid,
                topic=message.topic,
                provider_id=message.provider_id,
                object_key=message.object_key,
                payload=message.payload,
                attempt=1,
            )
        )
        OutboxMessage.objects.filter(pk=message.pk).update(sent_at=clock.now())
    return mail.outbox


def code_in(text: str) -> str:
    """The six digits, or the letters of an invitation, in a message."""
    found = re.search(r"\b(\d{6}|(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})\b", text)
    assert found, text
    return found.group(1)
