"""UUIDv7: identifiers that leave the house, unique after a restore and sortable by time.

Inside the house rows are known by their BigAutoField; this is for payouts, outbox messages,
idempotency keys and webhooks.
"""

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, 12 of a fraction (method 3), 62 random ones.

    Strictly increasing within one process, also when its clock steps back.
    """
    global _last
    milliseconds, rest_ns = divmod(time.time_ns(), 1_000_000)
    stamp = milliseconds << 12 | (rest_ns << 12) // 1_000_000
    with _lock:
        _last = stamp = max(stamp, _last + 1)
    tail = int.from_bytes(os.urandom(8)) >> 2
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | tail
    return UUID(int=value)
