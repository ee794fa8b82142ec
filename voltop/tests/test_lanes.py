"""Lanes: one message at a time to each receiver, and no receiver delays another."""

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from voltop import clock, lanes, outbox, tasks
from voltop.outbox import Delivery, OutboxMessage, Retry, Undeliverable
from voltop.tables import OutboxLane

TOPIC = "tests.lane"
QUICK = Retry(pauses_s=(5, 30, 120, 600, 1800), jitter=(1, 1), holds_s=160)


class Receivers:
    """What each lane's receiver took, in its order; `before` may misbehave."""

    def __init__(self) -> None:
        self.taken: dict[str, list[int]] = defaultdict(list)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.at_once = defaultdict(int)
        self.overlaps = 0
        self.dead: list[tuple[int, str]] = []
        self.before = lambda delivery: None
        self._lock = threading.Lock()

    def __call__(self, delivery: Delivery) -> None:
        lane = delivery.payload["lane"]
        with self._lock:
            self.at_once[lane] += 1
            self.overlaps += self.at_once[lane] > 1
        try:
            self.before(delivery)
            self.taken[lane].append(delivery.payload["n"])
            self.times[lane].append(time.monotonic())
        finally:
            with self._lock:
                self.at_once[lane] -= 1

    def on_dead(self, delivery: Delivery, reason: str) -> None:
        self.dead.append((delivery.payload["n"], reason))


@pytest.fixture
def receivers(transactional_db, monkeypatch) -> Receivers:
    made = Receivers()
    monkeypatch.setattr(outbox, "_handlers", {})
    monkeypatch.setattr(outbox, "ring", lambda: None)
    monkeypatch.setattr(outbox, "ring_lanes", lambda: None)
    monkeypatch.setattr(lanes, "IDLE_S", 0.02)
    outbox.handler(TOPIC, retry=QUICK, on_dead=made.on_dead)(made)
    return made


def emit(lane: str, n: int, object_key: str = "") -> OutboxMessage:
    with transaction.atomic():
        return outbox.emit(
            topic=TOPIC,
            provider_id=3,
            object_key=object_key or f"{lane}:{n}",
            payload={"lane": lane, "n": n},
            lane=lane,
        )


def let_time_pass(seconds: float) -> None:
    passed = timedelta(seconds=seconds)
    pending = OutboxMessage.objects.filter(sent_at=None, dead_at=None)
    pending.update(next_at=F("next_at") - passed, lease_until=F("lease_until") - passed)
    OutboxLane.objects.update(next_at=F("next_at") - passed, lease_until=F("lease_until") - passed)


def test_what_has_a_lane_is_left_to_the_lanes(receivers):
    emit("a", 1)
    assert outbox.relay() == 0
    assert lanes.relay(threads=1) == 1
    assert receivers.taken == {"a": [1]}
    assert lanes.relay(threads=1) == 0


def test_the_task_serves_the_lanes_and_a_commit_rings_for_it(receivers, monkeypatch):
    rings = []
    monkeypatch.setattr(outbox, "ring_lanes", lambda: rings.append(1))
    with transaction.atomic():
        for n in range(3):
            outbox.emit(
                topic=TOPIC, provider_id=3, object_key="x", payload={"lane": "a", "n": n}, lane="a"
            )
    assert rings == [1]
    tasks.relay_lanes()
    assert receivers.taken["a"] == [0, 1, 2]


def test_a_receiver_gets_one_message_at_a_time_from_however_many_relays(receivers):
    receivers.before = lambda delivery: time.sleep(0.003)
    for n in range(60):
        emit("ab"[n % 2], n, object_key=f"{n % 6}")

    def relay() -> int:
        try:
            return lanes.relay(threads=3)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        delivered = sum(f.result() for f in [pool.submit(relay) for _ in range(2)])
    assert delivered == 60
    assert receivers.overlaps == 0
    assert receivers.taken == {"a": list(range(0, 60, 2)), "b": list(range(1, 60, 2))}


def test_a_receiver_that_hangs_delays_nobody_else(receivers):
    """The slow one has 20 messages waiting and takes a second for each; the fast one arrives
    while it is being called."""
    hanging = threading.Event()

    def hang(delivery: Delivery) -> None:
        if delivery.payload["lane"] == "slow":
            hanging.set()
            time.sleep(1)

    receivers.before = hang
    for n in range(20):
        emit("slow", n)

    def relay() -> None:
        try:
            lanes.relay(threads=3, budget_s=2)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(relay)
        assert hanging.wait(10)
        started = time.monotonic()
        for n in range(10):
            emit("fast", n)
        running.result()
    assert receivers.taken["fast"] == list(range(10))
    assert receivers.times["fast"][-1] - started < 1
    assert 1 <= len(receivers.taken["slow"]) < 5


def test_a_failing_receiver_is_left_alone_for_growing_pauses(receivers):
    def refuse(delivery: Delivery) -> None:
        raise ConnectionError

    receivers.before = refuse
    for n in range(30):
        emit("a", n)
    pauses = []
    for _ in range(8):
        lanes.relay(threads=1)
        lane = OutboxLane.objects.annotate(pause=F("next_at") - Now()).get()
        pauses.append(round(lane.pause.total_seconds()))
        let_time_pass(max(pauses[-1], 1))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert OutboxLane.objects.get().failures == 8
    receivers.before = lambda delivery: None
    let_time_pass(3600)
    assert lanes.relay(threads=1) == 30
    assert OutboxLane.objects.get().failures == 0


def test_a_failing_message_holds_its_object_for_minutes_and_then_lets_it_pass(receivers):
    def refuse_first(delivery: Delivery) -> None:
        if delivery.payload["n"] == 0:
            raise TimeoutError

    receivers.before = refuse_first
    failing = emit("a", 0, object_key="x")
    emit("a", 1, object_key="x")
    emit("a", 2, object_key="y")
    for held in (True, True, True, False):  # pauses of 5, 30 and 120 s are within 160 s, 600 is not
        lanes.relay(threads=1)
        OutboxLane.objects.update(next_at=Now())
        lanes.relay(threads=1)
        failing.refresh_from_db()
        assert failing.holds is held
        assert receivers.taken["a"] == ([2] if held else [2, 1])
        let_time_pass(2000)
    receivers.before = lambda delivery: None
    let_time_pass(2000)
    lanes.relay(threads=1)
    assert receivers.taken["a"] == [2, 1, 0]


def test_the_end_of_a_message_is_told_once_with_its_reason(receivers):
    def fail(delivery: Delivery) -> None:
        raise TimeoutError if delivery.payload["n"] else Undeliverable("nobody lives there")

    receivers.before = fail
    emit("a", 0)
    lanes.relay(threads=1)
    assert receivers.dead == [(0, "nobody lives there")]
    message = emit("a", 1)
    for _ in range(6):
        assert len(receivers.dead) == 1
        let_time_pass(4000)
        lanes.relay(threads=1)
    assert receivers.dead[1:] == [(1, "TimeoutError")]
    message.refresh_from_db()
    assert (message.attempts, message.dead_at is not None) == (6, True)
    receivers.before = lambda delivery: None
    assert outbox.replay(message.pk)
    let_time_pass(4000)
    assert lanes.relay(threads=1) == 1
    assert receivers.taken["a"] == [1]


def test_a_message_that_is_not_due_yet_waits(receivers):
    with transaction.atomic():
        outbox.emit(
            topic=TOPIC, provider_id=3, object_key="x", payload={"lane": "a", "n": 1}, lane="a",
            not_before=clock.now() + timedelta(hours=1),
        )  # fmt: skip
    assert lanes.relay(threads=1) == 0
    let_time_pass(3601)
    assert lanes.relay(threads=1) == 1


def test_only_what_has_ended_is_forgotten(receivers):
    sent, waiting = emit("a", 0), emit("b", 1)
    OutboxMessage.objects.filter(pk=sent.pk).update(sent_at=Now())
    assert outbox.forget([sent.pk, waiting.pk]) == 1
    assert list(OutboxMessage.objects.values_list("pk", flat=True)) == [waiting.pk]


def test_a_relay_inside_a_transaction_is_a_mistake(receivers):
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        lanes.relay()
