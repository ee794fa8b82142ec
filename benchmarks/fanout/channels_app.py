"""Channels as its documentation has it: a JSON consumer in a group, Redis' core layer."""

import os
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

GROUP = "room"

if not settings.configured:
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106 (nothing is signed)
        INSTALLED_APPS=["channels"],
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [os.environ["BENCH_REDIS"]], "capacity": 10_000},
            }
        },
    )


class Room(AsyncJsonWebsocketConsumer):
    """Everybody who connects listens."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def say(self, event: dict[str, Any]) -> None:
        await self.send_json(event["frame"])


app = Room.as_asgi()
