"""Many sockets in one event loop that do little more than count what they hear.

RFC 6455, as far as these servers speak it: text frames in one piece, pings, no compression.
"""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable
from typing import Any

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MESSAGE = b'"message"'
WITHIN_S = 20


class Listener(asyncio.Protocol):
    """One socket; `heard` is called at each message, `answers` holds all other frames."""

    def __init__(self, path: str, heard: Callable[[], None]) -> None:
        self.path, self._heard = path, heard
        self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._open = asyncio.get_running_loop().create_future()
        self._data = b""
        self._transport: asyncio.Transport | None = None

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)
        async with asyncio.timeout(WITHIN_S):
            await self._open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET {self.path} HTTP/1.1", "Host: localhost", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
        )  # fmt: skip
        transport.write("\r\n".join([*head, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        if not self._open.done():
            head, found, self._data = self._data.partition(b"\r\n\r\n")
            if not found:
                self._data = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._open.set_exception(ConnectionError(head[:80].decode("latin1")))
                return
            self._open.set_result(None)
        start = 0
        while (end := self._frame(start)) > start:
            start = end
        self._data = self._data[start:]

    def _frame(self, start: int) -> int:
        """Take the frame that begins there; where it ends, or `start` when it is not all there."""
        data = self._data
        if len(data) < start + 2:
            return start
        size, body = data[start + 1] & 127, start + 2
        if size == 126:
            size, body = int.from_bytes(data[body : body + 2]), body + 2
        elif size == 127:
            size, body = int.from_bytes(data[body : body + 8]), body + 8
        if len(data) < body + size:
            return start
        opcode = data[start] & 15
        if opcode == PING:
            self._write(PONG, data[body : body + size])
        elif opcode == TEXT and data.find(MESSAGE, body, body + 24) >= 0:
            self._heard()
        elif opcode == TEXT:
            self.answers.put_nowait(json.loads(data[body : body + size]))
        return body + size

    def _write(self, opcode: int, payload: bytes) -> None:
        """A frame under a mask of zeros, which leaves it as it is."""
        assert self._transport is not None
        size = len(payload)
        length = bytes([128 | size]) if size < 126 else bytes([254]) + struct.pack("!H", size)
        self._transport.write(bytes([128 | opcode]) + length + b"\0\0\0\0" + payload)

    async def ask(self, **frame: Any) -> dict[str, Any]:
        """Send a frame; the answer of the same type, or an error."""
        self._write(TEXT, json.dumps(frame).encode())
        wanted = {"hello": "welcome"}.get(frame["type"], frame["type"])
        async with asyncio.timeout(WITHIN_S):
            while True:
                answer = await self.answers.get()
                if answer["type"] == "error":
                    raise ConnectionError(answer["code"])
                if answer["type"] == wanted:
                    return answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
