"""What a process knows of its sockets: one subscription, one beat, one watch over who may stay.

It begins with the first socket and ends with the last. Each kind of socket has its `News`, which
looks into PostgreSQL for what is new; it is asked

- when a bell names a row (`voltop.sockets.broadcast`),
- at a beat: every `BEAT_S` seconds, and every `BEAT_ALONE_S` while there is no Redis. So a bell
  that was never heard delays news and loses none.

Every `WATCH_S` seconds those whose log-in has ended are put out (`ended`, a few queries for all),
and some are looked up in full: each after `VERIFY_S` seconds, or as soon as `VERIFY_AT_ONCE` a
watch gets round. When that has not been possible for `UNKNOWN_S` seconds, everybody is put out.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import redis.asyncio
from django.conf import settings

from voltop.metrics import SOCKETS_OPEN
from voltop.sockets import errors
from voltop.sockets.access import Access, authentication
from voltop.sockets.broadcast import channel
from voltop.sockets.sockets import Socket
from voltop.sockets.threads import in_thread

logger = logging.getLogger(__name__)

BEAT_S, BEAT_ALONE_S = 10.0, 2.0
WATCH_S, VERIFY_S, VERIFY_AT_ONCE, UNKNOWN_S = 2.0, 5.0, 60, 30.0
LISTEN_AGAIN_S = 0.5
PROBE_S, SILENT_S = 5.0, 15.0
"""How often Redis is asked for a sign of life, and after how long without one it is away."""
MAX_SOCKETS, MAX_WITHOUT_TICKET = 2_000, 500


class News(Protocol):
    """Where one kind of socket looks for what is new; one in each process."""

    async def look(self, keys: set[int], *, everything: bool) -> None:
        """Look at these rows, or at all that sockets here show; tell the sockets."""


class Hub:
    """Of one event loop; made by `here()`."""

    def __init__(self, news: dict[str, Callable[["Hub"], News]]) -> None:
        self.loop = asyncio.get_running_loop()
        self.news = {name: make(self) for name, make in news.items()}
        self.waiting: set[Socket] = set()
        self.sockets: dict[Socket, None] = {}  # in the order of their welcome
        self.redis_is_there = False
        self._keys: dict[str, set[int]] = {name: set() for name in news}
        self._everything: set[str] = set()
        self._told = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._known_at = self.loop.time()

    # --- Coming and going ------------------------------------------------------------------------
    def knock(self, socket: Socket) -> None:
        """A socket without its ticket yet. Raises TooManySockets."""
        if len(self.waiting) >= MAX_WITHOUT_TICKET or len(self.sockets) >= MAX_SOCKETS:
            raise errors.TooManySockets()
        self.waiting.add(socket)
        if not self._tasks:
            self._known_at, self.redis_is_there = self.loop.time(), False
            self._tasks = [
                self.loop.create_task(job())
                for job in (self._listen, self._beat, self._look, self._watch)
            ]

    def admit(self, socket: Socket) -> None:
        """A socket that has shown its ticket; of a person's too many, the oldest ends."""
        self.waiting.discard(socket)
        limit = settings.SOCKETS_PER_PERSON
        own = [s for s in self.sockets if s.access.user_id == socket.access.user_id]
        for oldest in own[: max(0, len(own) + 1 - limit)]:
            oldest.end(errors.SocketReplaced(limit=limit))
        self.sockets[socket] = None
        SOCKETS_OPEN.labels(socket.line.kind).inc()
        socket.admitted()

    def remove(self, socket: Socket) -> None:
        self.waiting.discard(socket)
        if socket in self.sockets:
            del self.sockets[socket]
            SOCKETS_OPEN.labels(socket.line.kind).dec()
            socket.left()
        if not self.sockets and not self.waiting:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    # --- News ------------------------------------------------------------------------------------
    def look_at_everything(self) -> None:
        self._everything |= set(self.news)
        self._told.set()

    def look_at(self, name: str, key: int) -> None:
        self._keys[name].add(key)
        self._told.set()

    async def _look(self) -> None:
        """One look at a time; what is rung for meanwhile is looked at together afterwards."""
        while True:
            await self._told.wait()
            self._told.clear()
            for name, news in self.news.items():
                keys, self._keys[name] = self._keys[name], set()
                everything = name in self._everything
                self._everything.discard(name)
                if keys or everything:
                    await self._one_look(name, news, keys, everything)

    async def _one_look(self, name: str, news: News, keys: set[int], everything: bool) -> None:
        try:
            await news.look(keys, everything=everything)
        except Exception as error:
            logger.warning("sockets could not look: %s", type(error).__name__)
            await asyncio.sleep(LISTEN_AGAIN_S)
            self.look_at_everything()

    async def _beat(self) -> None:
        while True:
            began = self.loop.time()
            while self.loop.time() - began < (BEAT_S if self.redis_is_there else BEAT_ALONE_S):
                await asyncio.sleep(BEAT_ALONE_S / 4)
            self.look_at_everything()

    # --- Redis -----------------------------------------------------------------------------------
    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("sockets hear no bells: %s", type(error).__name__)
            self.redis_is_there = False
            await asyncio.sleep(LISTEN_AGAIN_S)

    async def _hear(self) -> None:
        """Subscribe, look at everything once, then hear bells until Redis is gone."""
        client = redis.asyncio.Redis.from_url(
            settings.CACHES["default"]["LOCATION"],
            socket_connect_timeout=2,
            socket_timeout=None,
            retry=None,
        )
        names = {channel(name).encode(): name for name in self.news}
        heard_at = probed_at = self.loop.time()
        async with client, client.pubsub() as bells:
            await bells.subscribe(*names)
            while True:
                message = await bells.get_message(timeout=1.0)
                now = self.loop.time()
                if message is not None:
                    heard_at = now
                    self._heard(message, names)
                if now - heard_at > SILENT_S:
                    raise TimeoutError
                if now - probed_at > PROBE_S:
                    probed_at = now
                    await bells.ping()

    def _heard(self, message: dict[str, Any], names: dict[bytes, str]) -> None:
        if message["type"] == "subscribe" and not self.redis_is_there:
            self.redis_is_there = True
            self.look_at_everything()
        elif message["type"] == "message":
            with suppress(ValueError):
                self.look_at(names[message["channel"]], int(message["data"]))

    # --- Who may stay ----------------------------------------------------------------------------
    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await self._put_out()
                self._known_at = self.loop.time()
            except Exception as error:
                logger.warning("sockets could not ask who may stay: %s", type(error).__name__)
            if self.loop.time() - self._known_at > UNKNOWN_S:
                for socket in list(self.sockets):
                    socket.end(errors.AccessUnknown())

    async def _put_out(self) -> None:
        here = list(self.sockets)
        if not here:
            return
        ended = await in_thread(authentication().ended, [socket.access for socket in here])
        due = [s for s in here if self.loop.time() - s.verified_at >= VERIFY_S]
        due = sorted(due, key=lambda s: s.verified_at)[:VERIFY_AT_ONCE]
        ended |= await in_thread(_no_longer, {(s.access, s.still_may) for s in due})
        for socket in due:
            socket.verified_at = self.loop.time()
        for socket in here:
            if socket.access in ended:
                socket.end(errors.AccessEnded())


def _no_longer(asked: set[tuple[Access, Callable[[Any], bool]]]) -> set[Access]:
    """Those who are not let in any more, or may not do any more what the socket is for."""
    found = set()
    for access, still_may in asked:
        try:
            if not still_may(authentication().person_of(access)):
                found.add(access)
        except errors.AccessEnded:
            found.add(access)
    return found


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def here(news: dict[str, Callable[[Hub], News]]) -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(news)
    return _hubs[loop]
