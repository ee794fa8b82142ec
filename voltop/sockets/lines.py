"""One connection as ASGI has it: text frames in and out, within bounds of size and time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings

from voltop.api.exceptions import PROBLEM_TYPE, problem
from voltop.api.renderers import render_json
from voltop.errors import DomainError
from voltop.metrics import SOCKET_FRAMES
from voltop.sockets import errors

CLOSE_WITHIN_S = 2

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class HungUp(Exception):
    """The other side is gone, or the server is ending: there is nobody to tell."""


class Line:
    """What a socket reads from and writes to; `kind` is the name under which it is counted."""

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send, kind: str) -> None:
        self.scope, self.kind = scope, kind
        self._taken = SOCKET_FRAMES.labels(kind, "in")
        self._handed_on = SOCKET_FRAMES.labels(kind, "out")
        self.headers = dict(scope["headers"])
        self._receive, self._send = receive, send

    async def accept(self) -> None:
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept"})

    async def refuse(self, error: DomainError) -> None:
        """Answer the handshake with a problem document, where the server can; else with 403."""
        await self._receive()
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self._send({"type": "websocket.close"})
            return
        headers = [(b"content-type", PROBLEM_TYPE.encode())]
        start = {"status": error.status, "headers": headers}
        await self._send({"type": "websocket.http.response.start", **start})
        body = render_json(problem(error))
        await self._send({"type": "websocket.http.response.body", "body": body})

    async def read(self) -> str:
        """The next text frame. Raises HungUp, FrameNotText, FrameTooLarge."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise HungUp
        self._taken.inc()
        text: str | None = message.get("text")
        if text is None:
            raise errors.FrameNotText()
        limit = settings.SOCKET_FRAME_MAX_BYTES
        if len(text) > limit or len(text.encode("utf-8", "surrogatepass")) > limit:
            raise errors.FrameTooLarge(limit_bytes=limit)
        return text

    async def write(self, text: str) -> None:
        """Hand a frame on; the server waits for whoever reads slowly. Raises SlowReader, HungUp."""
        try:
            async with asyncio.timeout(settings.SOCKET_READ_WITHIN_S):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError as error:
            raise errors.SlowReader(limit_s=settings.SOCKET_READ_WITHIN_S) from error
        except (OSError, RuntimeError) as error:  # what servers raise after a hang-up
            raise HungUp from error
        self._handed_on.inc()

    async def close(self, code: int, reason: str) -> None:
        with suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
