"""kill -9 of the relay, over and over: each event is delivered, in order, under one id."""

import os
import random
import signal
import time
from collections import defaultdict

import pytest
from django.db import transaction

from fleets.models import WebhookDelivery
from fleets.tests.hooks import Receiver, carry, endpoint_of, in_child, let_time_pass
from voltop import clock, events, failpoints, lanes, outbox
from voltop.events import Event, Happening

OBJECTS = 25


@pytest.fixture
def hook(committed_db, settings, monkeypatch, cast):
    for bell in ("ring", "ring_lanes"):
        monkeypatch.setattr(outbox, bell, lambda: None)
    monkeypatch.setattr(events, "ring", lambda: None)
    receiver = Receiver()
    settings.OUTBOUND_ALLOWED = [f"127.0.0.1:{receiver.port}"]
    assert cast.actor()
    events.send_pending()
    endpoint_of(cast, receiver)
    yield receiver
    receiver.close()


def publish(cast, count: int, first: int = 0) -> None:
    """`count` events, the n-th of all being the (n // OBJECTS + 1)-th version of an object."""
    with transaction.atomic():
        events.publish_all(
            (
                Happening("thing.changed", n % OBJECTS, n // OBJECTS + 1)
                for n in range(first, first + count)
            ),
            provider_id=cast.a.pk,
            actor=cast.actor(),
            at=clock.now(),
        )


def work() -> None:
    while True:
        events.send_pending(limit=20)
        lanes.relay(threads=2, budget_s=1)


def judge(hook: Receiver, count: int) -> None:
    """Each event at least once, one id and one body each, each object in its order, no gap."""
    ids, order = defaultdict(set), defaultdict(list)
    for (headers, body), parsed in zip(hook.calls(), hook.bodies(), strict=True):
        data = parsed["data"]
        ids[(data["id"], data["version"])].add((headers["webhook-id"], body))
        if data["version"] not in order[data["id"]]:
            order[data["id"]].append(data["version"])
    assert len(ids) == count
    assert all(len(seen) == 1 for seen in ids.values())
    assert all(versions == list(range(1, len(versions) + 1)) for versions in order.values())
    numbers = Event.objects.filter(kind="thing.changed").order_by("seq").values_list("seq")
    first = numbers[0][0]
    assert [seq for (seq,) in numbers] == list(range(first, first + count))
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"delivered"}


def run_with_kills(cast, hook: Receiver, *, count: int, kills: int, seed: int) -> None:
    """A worker is killed again and again, at a random moment after its first call."""
    chance, per_life = random.Random(seed), count // kills
    for life in range(kills):
        publish(cast, per_life, life * per_life)
        child, before = in_child(work), len(hook.requests)
        deadline = time.monotonic() + 120
        while len(hook.requests) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(hook.requests) > before
        time.sleep(chance.uniform(0, 0.1))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        let_time_pass(120)
    while carry():
        let_time_pass(120)


@pytest.mark.parametrize(
    "point",
    ["events.numbered", "events.told", "lanes.claimed", "outbox.claimed", "webhooks.called",
     "webhooks.recorded", "outbox.called", "outbox.marked", "lanes.served"],
)  # fmt: skip
def test_a_relay_killed_at_any_point_delivers_all_of_it(hook, cast, point):
    publish(cast, 4)

    def die() -> None:
        os.environ[failpoints.VARIABLE] = point
        work()

    child = in_child(die)
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    let_time_pass(120)
    carry()
    judge(hook, 4)


def test_a_few_kills_lose_nothing(hook, cast):
    run_with_kills(cast, hook, count=75, kills=3, seed=7)
    judge(hook, 75)


@pytest.mark.slow
def test_fifty_kills_over_a_thousand_events_lose_nothing(hook, cast):
    run_with_kills(cast, hook, count=1000, kills=50, seed=20261125)
    judge(hook, 1000)
