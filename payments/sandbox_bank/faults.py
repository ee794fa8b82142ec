"""Faults on demand: which payout request is struck by what, from a seed or from a queue.

- `refuse`: the bank books a refusal (account closed) and says so.
- `hang`: no answer for a long time; the payment is booked before or after, by a coin.
- `drop`: the payment is booked, the connection closed without an answer.
- `twice`: the answer is sent twice on one connection.
"""

import random
import threading
from collections import deque
from dataclasses import dataclass, field

KINDS = ("refuse", "hang", "drop", "twice")


@dataclass
class Faults:
    """Each kind strikes `permille` of 1,000 requests; `queued` faults strike first, in order.

    The draw follows the order of arrival, so one client and one seed give the same faults again.
    """

    permille: dict[str, int] = field(default_factory=dict)
    seed: int = 0
    hang_ms: int = 30_000
    queued: deque[str] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(self.seed)  # noqa: S311 (faults, not secrets)
        unknown = (set(self.permille) | set(self.queued)) - {*KINDS, "none"}
        if unknown or sum(self.permille.values()) > 1000 or min([0, *self.permille.values()]) < 0:
            raise ValueError(f"faults are {', '.join(KINDS)}, in all at most 1000 permille")

    def draw(self) -> str:
        """The fault of the next request; "" for none."""
        with self._lock:
            number = self._random.randrange(1000)
            if self.queued:
                forced = self.queued.popleft()
                return "" if forced == "none" else forced
        for kind in KINDS:
            number -= self.permille.get(kind, 0)
            if number < 0:
                return kind
        return ""

    def coin(self) -> bool:
        with self._lock:
            return bool(self._random.getrandbits(1))
