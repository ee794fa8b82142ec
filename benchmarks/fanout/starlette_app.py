"""As little as it takes: one Redis subscription in the process, the same text to every socket."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

CHANNEL = "bench.fanout"
room: set[WebSocket] = set()


async def listen(socket: WebSocket) -> None:
    await socket.accept()
    room.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        room.discard(socket)


async def broadcast() -> None:
    client = redis.asyncio.Redis.from_url(os.environ["BENCH_REDIS"])
    async with client, client.pubsub() as heard:
        await heard.subscribe(CHANNEL)
        async for message in heard.listen():
            if message["type"] == "message":
                text = message["data"].decode()
                for socket in list(room):
                    await socket.send_text(text)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    task = asyncio.create_task(broadcast())
    yield
    task.cancel()


app = Starlette(routes=[WebSocketRoute("/", listen)], lifespan=lifespan)
