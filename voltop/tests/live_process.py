"""The socket server as a process, a Valkey of the test's own that goes away, and phones."""

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from voltop.embedded import binaries, paths
from voltop.tests.embedded_instance import free_port
from voltop.tests.real_processes import Process


def live(log: Path, port: int, **env: str) -> Process:
    """As production runs it (compose.yaml)."""
    own = {"VOLTOP_DEMO": "1", "VOLTOP_DB_POOL_MAX": "6", **env}
    return Process(log, "voltop.sockets.server", "--port", str(port), **own)


class Valkey:
    """On a port of its own; nothing is kept."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [binaries.valkey_binary(), "--port", str(self.port), "--bind", "127.0.0.1",
             "--save", "", "--appendonly", "no", "--loglevel", "warning",
             "--dir", str(paths.home())],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.starts += 1
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.05)
        raise AssertionError("Valkey did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Phone:
    """A client that loses its line and begins where it was: what it sends it sends until acked.

    `heard` holds the numbers of each conversation in the order in which they came.
    """

    def __init__(self, port: int, ticket: Callable[[], str], conversation: int, **hello: Any):
        self.url = f"ws://127.0.0.1:{port}/ws/v1/chat"
        self.ticket, self.hello = ticket, hello
        self.conversation = conversation
        self.heard: list[int] = []
        self.to_send: dict[str, str] = {}  # client_id -> body, not acknowledged
        self.connects = 0
        self.line: ClientConnection | None = None
        self.refusals: list[dict[str, Any]] = []
        self._ended = asyncio.Event()
        self._sending = asyncio.Event()

    def say(self, client_id: str, body: str) -> None:
        self.to_send[client_id] = body
        self._sending.set()

    async def run(self) -> None:
        """Until `end`; reconnects for ever."""
        while not self._ended.is_set():
            try:
                await self._one_line()
            except (ConnectionClosed, InvalidHandshake, OSError):
                await asyncio.sleep(random.uniform(0.05, 0.3))

    async def _one_line(self) -> None:
        raw = await asyncio.to_thread(self.ticket)
        async with connect(self.url, compression=None, open_timeout=60) as line:
            await line.send(json.dumps({"type": "hello", "ticket": raw, **self.hello}))
            if json.loads(await line.recv())["type"] != "welcome":
                return
            self.connects += 1
            after = self.heard[-1] if self.heard else 0
            follow = {"type": "follow", "conversation": self.conversation, "after": after}
            await line.send(json.dumps(follow))
            self.line = line
            sender = asyncio.create_task(self._send(line))
            try:
                async for text in line:
                    self._take(json.loads(text))
            finally:
                self.line = None
                sender.cancel()

    async def _send(self, line: ClientConnection) -> None:
        sent: set[str] = set()
        while True:
            self._sending.clear()
            for client_id, body in list(self.to_send.items()):
                if client_id not in sent:
                    sent.add(client_id)
                    frame = {"conversation": self.conversation, "body": body}
                    await line.send(json.dumps({"type": "send", "client_id": client_id, **frame}))
            await self._sending.wait()

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "message":
            self.heard.append(frame["seq"])
        elif frame["type"] == "send":
            self.to_send.pop(frame["client_id"], None)
        elif frame["type"] == "error":
            self.refusals.append(frame)

    def cut(self) -> None:
        """The line breaks, without a goodbye."""
        if self.line is not None:
            self.line.transport.abort()

    async def end(self) -> None:
        self._ended.set()
        if self.line is not None:
            await self.line.close()
