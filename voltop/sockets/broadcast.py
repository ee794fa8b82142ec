"""The bell that tells sockets to look: rung after a commit, by whichever process made the change.

It carries a key, no news. Nobody waits for it: where Redis is away the bell is not rung, and for
some seconds not even tried; the beat of `voltop.sockets.hub` makes up for that.
"""

import logging
import time
from functools import cache, partial

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

WITHIN_S = 0.25
NOT_TRIED_S = 2.0

_away_until = 0.0


def channel(name: str) -> str:
    """The Redis channel of one kind of socket."""
    return f"voltop.sockets.{name}"


def ring(name: str, key: int) -> None:
    """After this transaction: something about the row changed that sockets of this kind show."""
    transaction.on_commit(partial(_publish, name, key), robust=True)


def _publish(name: str, key: int) -> None:
    global _away_until
    if time.monotonic() < _away_until:
        return
    try:
        _client().publish(channel(name), str(key))
    except redis.RedisError:
        _away_until = time.monotonic() + NOT_TRIED_S
        logger.warning("no bell for sockets: Redis is away")


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.CACHES["default"]["LOCATION"],
        socket_timeout=WITHIN_S,
        socket_connect_timeout=WITHIN_S,
        retry=None,
    )
