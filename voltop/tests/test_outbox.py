"""What was committed is delivered at least once, in order per object, whoever dies on the way."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from celery import Celery
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import F
from django.db.models.functions import Now

from voltop import outbox, rings, tasks
from voltop.errors import LockBusy
from voltop.outbox import Delivery, OutboxMessage

TOPIC = "tests.note"
forking = multiprocessing.get_context("fork")


class Outside:
    """The world beyond: takes what the handler brings, and can be told to misbehave."""

    def __init__(self) -> None:
        self.taken: list[Delivery] = []
        self.before = lambda delivery: None

    def __call__(self, delivery: Delivery) -> None:
        self.before(delivery)
        self.taken.append(delivery)

    def payloads(self) -> list[int]:
        return [delivery.payload["n"] for delivery in self.taken]


@pytest.fixture
def outside(transactional_db, monkeypatch) -> Outside:
    world = Outside()
    monkeypatch.setattr(outbox, "_handlers", {})
    monkeypatch.setattr(outbox, "ring", lambda: None)
    outbox.handler(TOPIC)(world)
    return world


def emit(n: int, object_key: str = "", topic: str = TOPIC) -> OutboxMessage:
    with transaction.atomic():
        return outbox.emit(
            topic=topic, provider_id=3, object_key=object_key or f"note:{n}", payload={"n": n}
        )


def let_time_pass(seconds: float = 3600) -> None:
    """As if the clock had gone on: every pause and lease of pending messages is that much older."""
    passed = timedelta(seconds=seconds)
    pending = OutboxMessage.objects.filter(sent_at=None, dead_at=None)
    pending.update(next_at=F("next_at") - passed, lease_until=F("lease_until") - passed)


# --- writing -------------------------------------------------------------------------------------


def test_a_message_is_delivered_once_with_what_was_emitted(outside):
    message = emit(7)
    assert outbox.relay() == 1
    assert outbox.relay() == 0
    assert outside.taken == [Delivery(message.uuid, TOPIC, 3, "note:7", {"n": 7}, 1)]
    message.refresh_from_db()
    assert message.sent_at is not None
    assert message.lease_until is None
    assert message.uuid.version == 7


def test_a_rolled_back_change_sends_nothing(outside):
    with transaction.atomic():
        outbox.emit(topic=TOPIC, provider_id=3, object_key="x", payload={})
        transaction.set_rollback(True)
    assert outbox.relay() == 0
    assert not OutboxMessage.objects.exists()


def test_writing_outside_a_transaction_and_relaying_inside_one_are_mistakes(outside):
    with pytest.raises(RuntimeError, match="transaction"):
        outbox.emit(topic=TOPIC, provider_id=3, object_key="x", payload={})
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        outbox.relay()


def test_a_commit_rings_once_however_many_messages_it_holds(transactional_db, monkeypatch):
    rung = []
    monkeypatch.setattr(outbox, "ring", lambda: rung.append(1))
    with transaction.atomic():
        for n in range(5):
            outbox.emit(topic=TOPIC, provider_id=3, object_key="x", payload={"n": n})
        assert rung == []
    assert rung == [1]


def test_a_message_beside_a_rolled_back_savepoint_still_rings(transactional_db, monkeypatch):
    rung = []
    monkeypatch.setattr(outbox, "ring", lambda: rung.append(1))
    with transaction.atomic():
        with transaction.atomic():
            outbox.emit(topic=TOPIC, provider_id=3, object_key="x", payload={})
            transaction.set_rollback(True)
        outbox.emit(topic=TOPIC, provider_id=3, object_key="x", payload={})
    assert rung == [1]


def test_a_broker_that_is_away_fails_nobody_and_keeps_nobody_waiting(
    transactional_db, monkeypatch, settings, caplog
):
    nowhere = Celery("nowhere", broker="redis://127.0.0.1:1/0", set_as_current=False)
    nowhere.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    monkeypatch.setattr(rings, "current_app", nowhere)
    started = time.monotonic()
    message = emit(1)
    assert time.monotonic() - started < 2
    assert OutboxMessage.objects.filter(pk=message.pk, sent_at=None).exists()
    assert [record.error for record in caplog.records] == ["OperationalError"]


def test_the_ring_puts_the_relay_task_on_the_broker(transactional_db):
    with rings.current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge("default")
        emit(1)
        body = broker.default_channel.basic_get("default", no_ack=True)
    assert body.headers["task"] == tasks.relay_outbox.name == "voltop.outbox.relay"


def test_the_task_delivers(outside):
    emit(1)
    tasks.relay_outbox()
    assert outside.payloads() == [1]


def test_a_topic_has_one_handler(outside):
    outbox.handler(TOPIC)(outside)
    with pytest.raises(RuntimeError, match="two handlers"):
        outbox.handler(TOPIC)(lambda delivery: None)


# --- order and failure ---------------------------------------------------------------------------


def test_messages_of_one_object_go_out_in_order(outside):
    for n in range(20):
        emit(n, object_key=f"note:{n % 2}")
    assert outbox.relay() == 20
    assert [n for n in outside.payloads() if n % 2] == list(range(1, 20, 2))
    assert [n for n in outside.payloads() if n % 2 == 0] == list(range(0, 20, 2))


def test_a_failing_message_holds_back_its_own_object_only(outside):
    def refuse(delivery: Delivery) -> None:
        if delivery.payload["n"] == 0:
            raise ConnectionError

    outside.before = refuse
    for n in range(6):
        emit(n, object_key=f"note:{n % 2}")
    outbox.relay()
    assert outside.payloads() == [1, 3, 5]
    outside.before = lambda delivery: None
    outbox.relay()
    assert outside.payloads() == [1, 3, 5]  # the pause is not over
    let_time_pass()
    outbox.relay()
    assert outside.payloads() == [1, 3, 5, 0, 2, 4]


def test_a_failed_message_comes_again_under_the_same_id(outside):
    def refuse_twice(delivery: Delivery) -> None:
        seen.append((delivery.id, delivery.attempt))
        if delivery.attempt < 3:
            raise TimeoutError

    seen: list[tuple[UUID, int]] = []
    outside.before = refuse_twice
    message = emit(1)
    for _ in range(3):
        outbox.relay()
        let_time_pass()
    assert seen == [(message.uuid, 1), (message.uuid, 2), (message.uuid, 3)]
    assert outside.payloads() == [1]
    message.refresh_from_db()
    assert (message.attempts, message.last_error) == (3, "")


def test_pauses_grow_and_are_spread_up_to_a_cap(outside, monkeypatch):
    monkeypatch.setattr(outbox.random, "uniform", lambda low, high: high)
    outside.before = fail_always
    message = emit(1)
    pauses = []
    for _ in range(11):
        outbox.relay()
        paused = OutboxMessage.objects.annotate(pause=F("next_at") - Now()).get(pk=message.pk)
        pauses.append(round(paused.pause.total_seconds(), -1))
        let_time_pass()
    assert pauses == [0, 0, 10, 20, 30, 60, 130, 260, 510, 600, 600]
    monkeypatch.undo()
    drawn = {round(random.uniform(0, outbox.backoff_s(5))) for _ in range(500)}
    assert min(drawn) < 5
    assert 27 < max(drawn) <= 32


def test_the_outside_may_ask_for_a_longer_pause(outside):
    def busy(delivery: Delivery) -> None:
        raise LockBusy(retry_after_s=900)

    outside.before = busy
    message = emit(1)
    outbox.relay()
    let_time_pass(800)
    assert outbox.relay() == 0
    message.refresh_from_db()
    assert message.attempts == 1
    assert message.last_error.startswith("lock_busy: ")


def fail_always(delivery: Delivery) -> None:
    raise ValueError("Ana Example, +52 55 1234 5678")


def test_poison_is_dead_after_its_last_attempt_and_the_object_goes_on(outside, caplog):
    outside.before = lambda delivery: delivery.payload["n"] == 0 and fail_always(delivery)
    poison, _next = emit(0, "note:x"), emit(1, "note:x")
    for attempt in range(1, 13):
        assert outside.payloads() == []
        outbox.relay()
        poison.refresh_from_db()
        assert (poison.attempts, poison.dead_at is not None) == (attempt, attempt == 12)
        let_time_pass()
    outbox.relay()
    assert outside.payloads() == [1]
    poison.refresh_from_db()
    assert (poison.last_error, poison.attempts) == ("ValueError", 12)
    assert f"{poison.uuid} ({TOPIC}) is dead" in caplog.text


def test_a_dead_message_can_be_played_again_under_its_id(outside):
    message = emit(1)
    OutboxMessage.objects.update(dead_at=Now(), attempts=12)
    assert outbox.relay() == 0
    assert outbox.replay(message.pk)
    assert not outbox.replay(message.pk)
    assert outbox.relay() == 1
    assert outside.taken[0].id == message.uuid


def test_a_topic_without_a_handler_is_tried_again(outside):
    message = emit(1, topic="tests.unknown")
    assert outbox.relay() == 0
    message.refresh_from_db()
    assert (message.attempts, message.last_error, message.dead_at) == (1, "LookupError", None)


def test_a_relay_stops_at_its_limit_and_its_time(outside):
    for n in range(5):
        emit(n)
    assert outbox.relay(limit=2) == 2
    assert outbox.relay(budget_s=0) == 1
    assert outbox.relay() == 2


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"sent_at": Now(), "dead_at": Now()}, "outbox_sent_or_dead"),
        ({"sent_at": Now(), "lease_until": Now()}, "outbox_lease_only_while_pending"),
    ],
)
def test_the_database_refuses_a_message_that_contradicts_itself(outside, change, constraint):
    emit(1)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        OutboxMessage.objects.update(**change)


# --- several relays at once ----------------------------------------------------------------------


def relay_in_thread() -> int:
    try:
        return outbox.relay()
    finally:
        connection.close()


def test_parallel_relays_share_the_work_and_keep_each_objects_order(outside):
    outside.before = lambda delivery: time.sleep(random.uniform(0, 0.002))
    with transaction.atomic():
        for n in range(400):
            outbox.emit(topic=TOPIC, provider_id=3, object_key=f"note:{n % 20}", payload={"n": n})
    deadline = time.monotonic() + 30
    with ThreadPoolExecutor(8) as pool:
        while OutboxMessage.objects.filter(sent_at=None).exists():
            assert time.monotonic() < deadline
            wait([pool.submit(relay_in_thread) for _ in range(8)])
    assert Counter(outside.payloads()) == Counter(range(400))
    by_object = defaultdict(list)
    for n in outside.payloads():
        by_object[n % 20].append(n)
    assert all(numbers == sorted(numbers) for numbers in by_object.values())
    assert OutboxMessage.objects.filter(attempts=1).count() == 400


def test_a_handler_that_hangs_stops_no_other_object(outside):
    hanging, go = threading.Event(), threading.Event()

    def hang(delivery: Delivery) -> None:
        if delivery.object_key == "note:stuck":
            hanging.set()
            go.wait()

    outside.before = hang
    emit(0, "note:stuck")
    emit(1, "note:stuck")
    for n in range(2, 50):
        emit(n)
    with ThreadPoolExecutor(2) as pool:
        stuck = pool.submit(relay_in_thread)
        hanging.wait()
        assert pool.submit(relay_in_thread).result() == 48
        assert sorted(outside.payloads()) == list(range(2, 50))
        go.set()
        assert stuck.result() == 2


def test_a_relay_that_lost_its_lease_does_not_disturb_the_next(outside):
    """A call outlives its lease, another relay takes over and fails, then the first one returns."""
    calling, go = threading.Event(), threading.Event()

    def slow_then_refused(delivery: Delivery) -> None:
        if delivery.attempt == 1:
            calling.set()
            go.wait()
        raise TimeoutError

    outside.before = slow_then_refused
    message = emit(1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(relay_in_thread)
        calling.wait()
        let_time_pass()
        outbox.relay()
        message.refresh_from_db()
        pause_of_second = message.next_at
        go.set()
        assert first.result() == 0
    message.refresh_from_db()
    assert (message.attempts, message.crashes) == (2, 1)
    assert message.next_at == pause_of_second


# --- killed relays -------------------------------------------------------------------------------


def in_child(target, *args) -> multiprocessing.Process:
    """Run in a forked process with a database connection of its own."""

    def run() -> None:
        for inherited in connections.all(initialized_only=True):
            inherited.connection = None  # the parent's socket is the parent's
        target(*args)
        os._exit(0)

    child = forking.Process(target=run)
    child.start()
    return child


def bank_with_book(book: Path):
    """A handler that books durably before it returns: what a kill cannot take back."""

    def take(delivery: Delivery) -> None:
        with book.open("a") as file:
            file.write(f"{delivery.object_key} {delivery.payload['n']} {delivery.id}\n")

    return take


def booked(book: Path) -> list[list[str]]:
    return [line.split() for line in book.read_text().splitlines()] if book.exists() else []


@pytest.mark.parametrize(
    ("point", "calls"),
    [
        ("outbox.claim", 1),  # dies before its claim commits: as if it had never been
        ("outbox.claimed", 1),
        ("outbox.called", 2),  # called, not marked: called again under the same id
        ("outbox.marked", 1),
    ],
)
def test_a_relay_killed_anywhere_loses_nothing(outside, monkeypatch, tmp_path, point, calls):
    book = tmp_path / "book"
    outside.before = bank_with_book(book)
    first, _second = emit(1, "note:x"), emit(2, "note:x")
    monkeypatch.setenv("VOLTOP_FAIL_AT", point)
    child = in_child(outbox.relay)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    monkeypatch.delenv("VOLTOP_FAIL_AT")
    if point in ("outbox.claimed", "outbox.called"):
        assert outbox.relay() == 0  # its lease still holds, the second waits behind the first
    let_time_pass()
    outbox.relay()
    assert [n for _key, n, _id in booked(book)] == ["1"] * calls + ["2"]
    assert {uuid for _key, n, uuid in booked(book) if n == "1"} == {str(first.uuid)}
    assert not OutboxMessage.objects.filter(sent_at=None).exists()


def test_a_message_that_kills_its_worker_is_dead_after_three(outside, tmp_path):
    book = tmp_path / "book"
    write = bank_with_book(book)

    def kill(delivery: Delivery) -> None:
        write(delivery)
        os.kill(os.getpid(), signal.SIGKILL)

    outside.before = kill
    message = emit(1)
    for _ in range(5):
        in_child(outbox.relay).join()
        let_time_pass()
    assert len(booked(book)) == 3
    message.refresh_from_db()
    assert message.dead_at is not None
    assert message.last_error == "the worker was lost 3 times"


def test_relays_killed_at_random_deliver_everything_in_order_and_repeat_only_what_they_held(
    outside, tmp_path
):
    book = tmp_path / "book"
    write = bank_with_book(book)
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    messages, kills = 200, 0
    outside.before = lambda delivery: (time.sleep(0.002), write(delivery))
    with transaction.atomic():
        for n in range(messages):
            outbox.emit(topic=TOPIC, provider_id=3, object_key=f"note:{n % 10}", payload={"n": n})
    deadline = time.monotonic() + 60
    while OutboxMessage.objects.filter(sent_at=None).exists():
        assert time.monotonic() < deadline, f"seed {seed}"
        children = [in_child(outbox.relay, 40) for _ in range(3)]
        time.sleep(dice.uniform(0.02, 0.12))
        for child in children[:2]:
            if child.is_alive():
                os.kill(child.pid, signal.SIGKILL)
                kills += 1
        for child in children:
            child.join()
        OutboxMessage.objects.update(crashes=0)  # the kills are ours, not the messages'
        let_time_pass()
    entries = booked(book)
    assert not OutboxMessage.objects.exclude(dead_at=None).exists(), f"seed {seed}"
    uuids = {
        str(n): str(uuid) for n, uuid in OutboxMessage.objects.values_list("payload__n", "uuid")
    }
    assert {n: uuid for _key, n, uuid in entries} == uuids, f"seed {seed}"
    assert len(entries) <= messages + kills, f"seed {seed}"
    for key in {key for key, _n, _id in entries}:
        numbers = [int(n) for entry_key, n, _id in entries if entry_key == key]
        assert numbers == sorted(numbers), f"seed {seed}"
