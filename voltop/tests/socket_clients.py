"""Clients of sockets: in this process, within the test's transaction; and over the wire.

In this process the ASGI application is driven from the test's own thread, which is also where its
sockets ask the database.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from asgiref.sync import async_to_sync

from fleets import tokens
from fleets.services import auth, socket_tickets
from voltop import clock
from voltop.asgi import application
from voltop.context import Actor

WITHIN_S = 20
HOST = (b"host", b"localhost")


class Closed(Exception):
    """The server has closed the socket; `code` and `reason` say why."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Client:
    """One socket of the ASGI application."""

    def __init__(self, path: str = "/ws/v1/chat", headers: list[tuple[bytes, bytes]] = ()) -> None:  # type: ignore[assignment]
        self.scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": [HOST, *headers],
            "extensions": {"websocket.http.response": {}},
        }
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def open(self) -> int:
        """The handshake's status: 101 when it was accepted."""
        self.to_server.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(application(self.scope, self.to_server.get, self._take))
        answer = await self._next()
        if answer["type"] == "websocket.http.response.start":
            return int(answer["status"])
        return 101 if answer["type"] == "websocket.accept" else 403

    async def _take(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.from_server.put_nowait(message)

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            return await self.from_server.get()

    def put(self, frame: Any) -> None:
        """Send: an object as JSON, text and bytes as they are."""
        if isinstance(frame, bytes):
            self.to_server.put_nowait({"type": "websocket.receive", "bytes": frame})
        else:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            self.to_server.put_nowait({"type": "websocket.receive", "text": text})

    async def get(self) -> dict[str, Any]:
        """The next frame. Raises Closed."""
        message = await self._next()
        if message["type"] == "websocket.close":
            raise Closed(message["code"], message["reason"])
        frame: dict[str, Any] = json.loads(message["text"])
        self.heard.append(frame)
        return frame

    async def ask(self, **frame: Any) -> dict[str, Any]:
        """Send a frame; what is answered to it, whatever news come before."""
        frame.setdefault("ref", "asked")
        self.put(frame)
        while (answer := await self.get()).get("ref") != frame["ref"]:
            pass
        return answer

    async def enter(self, ticket: str, **hello: Any) -> dict[str, Any]:
        """Shake hands and show the ticket; the welcome, or the refusal."""
        assert await self.open() == 101
        self.put({"type": "hello", "ticket": ticket, **hello})
        return await self.get()

    async def closed(self) -> Closed:
        """Why the server closes: what comes before is left aside."""
        while True:
            try:
                await self.get()
            except Closed as closed:
                return closed

    async def leave(self) -> None:
        self.reads.set()
        self.to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})
        with suppress(asyncio.CancelledError):
            await self.task


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a test's coroutine in an event loop of its own; the database is asked in this thread."""

    async def all_of_it() -> Any:
        return await work()

    return async_to_sync(all_of_it)()


def log_in(user: Any, provider_id: int) -> Callable[[], str]:
    """Tickets of one log-in of the person, as often as one is asked for."""
    pair = auth.start(user, "", "", clock.now())
    claims = tokens.read_access(pair.access_token, at=clock.now())

    def ticket() -> str:
        actor = Actor("user", user.pk, provider_id)
        return socket_tickets.issue_ticket(user, actor=actor, family=claims.family).ticket

    return ticket
