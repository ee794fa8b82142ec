"""Receivers of webhooks on 127.0.0.1, time that passes, and relays that can be killed."""

import json
import multiprocessing
import os
import socket
import threading
from datetime import timedelta
from typing import Any

from django.db import connections
from django.db.models import F

from fleets.models import WebhookEndpoint
from fleets.services import webhooks
from voltop import events, lanes
from voltop.outbox import OutboxMessage
from voltop.tables import OutboxLane
from voltop.tests.listeners import Answer, Listener, answer

forking = multiprocessing.get_context("fork")
OK = answer("200 OK", b"{}")


class Receiver(Listener):
    """An integrator's server: keeps what came, answers as it is told."""

    def __init__(self, behaviour: Answer = OK) -> None:
        super().__init__(behaviour)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def calls(self) -> list[tuple[dict[str, str], bytes]]:
        """Headers (names in lower case) and body of each call."""
        found = []
        for raw in list(self.requests):
            head, _, body = raw.partition(b"\r\n\r\n")
            lines = [line.decode().partition(":") for line in head.split(b"\r\n")[1:]]
            found.append(({name.lower(): value.strip() for name, _, value in lines}, body))
        return found

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.calls()]


def in_turn(*behaviours: Answer) -> Answer:
    """Each call gets the next behaviour, the last one for ever."""
    lock, coming = threading.Lock(), list(behaviours)

    def act(peer: socket.socket) -> None:
        with lock:
            behaviour = coming.pop(0) if len(coming) > 1 else coming[0]
        behaviour(peer)

    return act


def endpoint_of(cast: Any, receiver: Receiver, *kinds: str, **values: Any):
    """(endpoint, secret) of provider A for a receiver that may be called."""
    return webhooks.create_endpoint(
        values.pop("provider", cast.a),
        actor=cast.actor(),
        name="Hook",
        url=receiver.url,
        kinds=kinds or ("*",),
    )


def carry(**options: Any) -> int:
    """What publisher and relay do."""
    events.send_pending()
    return lanes.relay(threads=options.pop("threads", 2), **options)


def let_time_pass(seconds: float = 3600) -> None:
    """As if the clock had gone on for every pause and lease that is pending."""
    passed = timedelta(seconds=seconds)
    pending = OutboxMessage.objects.filter(sent_at=None, dead_at=None)
    pending.update(next_at=F("next_at") - passed, lease_until=F("lease_until") - passed, crashes=0)
    OutboxLane.objects.update(next_at=F("next_at") - passed, lease_until=F("lease_until") - passed)
    failing = WebhookEndpoint.objects.filter(failing_since__isnull=False)
    failing.update(failing_since=F("failing_since") - passed)


def in_child(target) -> multiprocessing.Process:
    """Run in a forked process with database connections of its own."""

    def run() -> None:
        for inherited in connections.all(initialized_only=True):
            inherited.connection = None
        target()
        os._exit(0)

    child = forking.Process(target=run)
    child.start()
    return child
