"""Relays of the outbox's lanes: many receivers at once, each of them one message at a time.

A lane is the way to one receiver. A thread leases a lane, delivers a few of its messages and gives
it back to the end of the queue; so a receiver that answers slowly keeps one thread busy and never
more, and one that fails is left alone for growing pauses of up to a minute. Everything else (order
per object, attempts, death) is `voltop.outbox`'s.

Several processes may run this at once: lanes are leased in the database. While any thread of a
process is busy the others go on looking for lanes, so that one slow receiver is no reason to wait.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, connections, transaction
from django.db.models.functions import Now

from voltop import failpoints, outbox
from voltop.tables import OutboxLane

THREADS = 8
LEASE_S = 60
IDLE_S = 0.2
AT_ONCE, AT_ONCE_S = 20, 2.0
MAX_PAUSE_S = 60
BLOCKED_PAUSE_S = 1

CLAIM = """
UPDATE voltop_outboxlane SET lease_until = clock_timestamp() + %s * interval '1 second'
WHERE id = (
    SELECT lane.id FROM voltop_outboxlane lane
    WHERE lane.next_at <= now() AND (lane.lease_until IS NULL OR lane.lease_until < now())
        AND EXISTS (
            SELECT FROM voltop_outboxmessage due
            WHERE due.lane = lane.name AND due.lane <> ''
                AND due.sent_at IS NULL AND due.dead_at IS NULL AND due.next_at <= now()
                AND (due.lease_until IS NULL OR due.lease_until < now())
        )
    ORDER BY lane.next_at, lane.id LIMIT 1 FOR UPDATE OF lane SKIP LOCKED
)
RETURNING *
"""

RENEW = """
UPDATE voltop_outboxlane SET lease_until = clock_timestamp() + %s * interval '1 second'
WHERE id = %s AND lease_until = %s RETURNING lease_until
"""


class _Watch:
    """How many threads are busy, and how many messages were delivered."""

    def __init__(self, budget_s: float) -> None:
        self.stop_at = time.monotonic() + budget_s
        self.delivered = 0
        self._busy = 0
        self._changed = threading.Condition()

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def goes_on(self) -> bool:
        """Wait a moment for work; false when nobody is busy, or the time is used up."""
        with self._changed:
            if not self._busy:
                return False
            self._changed.wait(IDLE_S)
        return not self.is_over()

    def is_over(self) -> bool:
        return time.monotonic() >= self.stop_at

    def count(self) -> None:
        with self._changed:
            self.delivered += 1


def relay(*, threads: int = THREADS, budget_s: float = 30) -> int:
    """Deliver what is due in all lanes, until nothing is or the time is used up.

    Returns how many were delivered. Calls under way at the end of the time are waited for.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a relay calls outside any transaction")
    watch = _Watch(budget_s)
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="lane") as pool:
        for future in [pool.submit(_work, watch) for _ in range(threads)]:
            future.result()
    return watch.delivered


def _work(watch: _Watch) -> None:
    try:
        while not watch.is_over():
            with watch.busy():
                lane = _claim()
                if lane is not None:
                    _serve(lane, watch)
            if lane is None and not watch.goes_on():
                return
    finally:
        connections.close_all()


def _claim() -> OutboxLane | None:
    """Lease the lane that has waited longest and has something due."""
    with transaction.atomic():
        claimed = next(iter(OutboxLane.objects.raw(CLAIM, [LEASE_S])), None)
    failpoints.hit("lanes.claimed")
    return claimed


def _serve(lane: OutboxLane, watch: _Watch) -> None:
    """Deliver some of the lane's messages, then give it back."""
    until = time.monotonic() + AT_ONCE_S
    pause_s: float = BLOCKED_PAUSE_S  # what is due may all wait behind a message that failed
    for _ in range(AT_ONCE):
        message = outbox.claim(lane.name)
        if message is None:
            break
        if outbox.deliver(message):
            lane.failures, pause_s = 0, 0
            watch.count()
        else:
            lane.failures += 1
            pause_s = min(MAX_PAUSE_S, 2 ** (min(lane.failures, 10) - 1))
            break
        if watch.is_over() or time.monotonic() >= until or not _renew(lane):
            break
    failpoints.hit("lanes.served")
    OutboxLane.objects.filter(pk=lane.pk, lease_until=lane.lease_until).update(
        lease_until=None, next_at=Now() + timedelta(seconds=pause_s), failures=lane.failures
    )


def _renew(lane: OutboxLane) -> bool:
    """Hold the lane longer; false where it went to another relay, after a very slow call."""
    with connection.cursor() as cursor:
        cursor.execute(RENEW, [LEASE_S, lane.pk, lane.lease_until])
        renewed = cursor.fetchone()
    if renewed is None:
        return False
    lane.lease_until = renewed[0]
    return True
