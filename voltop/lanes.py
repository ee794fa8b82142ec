"""Relays of the outbox's lanes: many receivers at once, each of them one message at a time.

A lane is the way to one receiver. A thread leases a lane, delivers a few of its messages and gives
it back to the end of the queue; so a receiver that answers slowly keeps one thread busy and never
more, and one that fails is left alone for growing pauses of up to a minute. Everything else (order
per object, attempts, death) is `voltop.outbox`'s.

Several processes may run this at once: lanes are leased in the database. While a receiver takes
its time the relay goes on looking for other lanes.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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


def relay(*, threads: int = THREADS, budget_s: float = 30) -> int:
    """Deliver what is due in all lanes, until nothing is or the time is used up.

    One thread leases lanes, up to `threads` others serve them: where nothing is due this costs one
    query. Returns how many were delivered. Calls under way at the end of the time are waited for.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a relay calls outside any transaction")
    stop_at = time.monotonic() + budget_s
    delivered, served = 0, set[Future[int]]()
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="lane") as pool:
        while time.monotonic() < stop_at:
            lane = _claim() if len(served) < threads else None
            if lane is not None:
                served.add(pool.submit(_serve, lane, stop_at))
                continue
            if not served:
                break
            over, served = wait(served, timeout=IDLE_S, return_when=FIRST_COMPLETED)
            delivered += sum(future.result() for future in over)
    return delivered + sum(future.result() for future in served)


def _claim() -> OutboxLane | None:
    """Lease the lane that has waited longest and has something due."""
    with transaction.atomic():
        claimed = next(iter(OutboxLane.objects.raw(CLAIM, [LEASE_S])), None)
    failpoints.hit("lanes.claimed")
    return claimed


def _serve(lane: OutboxLane, stop_at: float) -> int:
    """Deliver some of the lane's messages, then give it back; how many were delivered."""
    try:
        return _deliver_some(lane, min(stop_at, time.monotonic() + AT_ONCE_S))
    finally:
        connections.close_all()


def _deliver_some(lane: OutboxLane, until: float) -> int:
    delivered = 0
    pause_s: float = BLOCKED_PAUSE_S  # what is due may all wait behind a message that failed
    for _ in range(AT_ONCE):
        message = outbox.claim(lane.name)
        if message is None:
            break
        if outbox.deliver(message):
            lane.failures, pause_s = 0, 0
            delivered += 1
        else:
            lane.failures += 1
            pause_s = min(MAX_PAUSE_S, 2 ** (min(lane.failures, 10) - 1))
            break
        if time.monotonic() >= until or not _renew(lane):
            break
    failpoints.hit("lanes.served")
    OutboxLane.objects.filter(pk=lane.pk, lease_until=lane.lease_until).update(
        lease_until=None, next_at=Now() + timedelta(seconds=pause_s), failures=lane.failures
    )
    return delivered


def _renew(lane: OutboxLane) -> bool:
    """Hold the lane longer; false where it went to another relay, after a very slow call."""
    with connection.cursor() as cursor:
        cursor.execute(RENEW, [LEASE_S, lane.pk, lane.lease_until])
        renewed = cursor.fetchone()
    if renewed is None:
        return False
    lane.lease_until = renewed[0]
    return True
