"""Events: one order per provider, no gaps, however writers, publishers and kills mix."""

import multiprocessing
import os
import signal
import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction

from voltop import clock, events, failpoints
from voltop.context import Actor
from voltop.events import Event, Happening
from voltop.signals import events_published
from voltop.tables import Counter
from voltop.tests.parallel import at_once

forking = multiprocessing.get_context("fork")
ACTOR = Actor.system("tests", 3)


@pytest.fixture(autouse=True)
def no_rings(monkeypatch):
    monkeypatch.setattr(events, "ring", lambda: None)


def publish(object_id: int, version: int = 1, provider_id: int = 3) -> None:
    events.publish(
        Happening("thing.changed", object_id, version, ("name",)),
        provider_id=provider_id,
        actor=ACTOR,
        at=clock.now(),
    )


def numbers(provider_id: int = 3) -> list[int]:
    rows = Event.objects.filter(provider_id=provider_id, seq__isnull=False).order_by("seq")
    return list(rows.values_list("seq", flat=True))


# --- writing -------------------------------------------------------------------------------------


def test_an_event_outside_a_transaction_is_a_mistake(transactional_db):
    with pytest.raises(RuntimeError, match="transaction"):
        publish(1)


def test_a_rolled_back_change_tells_nobody(transactional_db):
    with transaction.atomic():
        publish(1)
        transaction.set_rollback(True)
    assert events.send_pending() == 0
    assert not Event.objects.exists()


def test_a_commit_rings_once_however_many_events_it_holds(transactional_db, monkeypatch):
    rings = []
    monkeypatch.setattr(events, "ring", lambda: rings.append(1))
    with transaction.atomic():
        for n in range(5):
            publish(n)
        assert rings == []
    assert rings == [1]


def test_an_event_has_no_number_until_the_publisher_came_by(db):
    publish(1)
    assert Event.objects.get().seq is None
    assert events.send_pending() == 1
    assert Event.objects.get().seq == 1
    assert events.send_pending() == 0


def test_a_provider_whose_events_cannot_be_numbered_holds_up_no_other(db):
    for provider_id in (3, 4):
        publish(1, provider_id=provider_id)
    Event.objects.filter(provider_id=3).update(seq=1)  # as a counter restored from the day before
    publish(2, provider_id=3)
    with pytest.raises(IntegrityError):
        events.send_pending()
    assert (numbers(3), numbers(4)) == ([1], [1])


# --- the order -----------------------------------------------------------------------------------


def test_each_provider_counts_for_itself(db):
    for provider_id in (3, 4, 3, 4, 4):
        publish(1, provider_id=provider_id)
    assert events.send_pending(limit=2) == 5
    assert (numbers(3), numbers(4)) == ([1, 2], [1, 2, 3])


def test_who_commits_late_gets_a_later_number_than_what_was_read_before(committed_db):
    """A serial given at insert would let a reader pass by the slow transaction's event."""
    inserted, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            publish(1)
            inserted.set()
            assert go_on.wait(30)

    def fast() -> list[int]:
        assert inserted.wait(30)
        with transaction.atomic():
            publish(2)
        events.send_pending()
        seen = list(Event.objects.filter(seq__gt=0).values_list("object_id", flat=True))
        go_on.set()
        return seen

    _, seen = at_once([slow, fast])
    assert seen == [2]
    events.send_pending()
    assert list(Event.objects.filter(seq__gt=1).values_list("object_id", flat=True)) == [1]


def test_a_listener_that_fails_gives_the_numbers_back(transactional_db):
    def refuse(**kwargs):
        raise LookupError("not now")

    with transaction.atomic():
        publish(1)
    events_published.connect(refuse)
    try:
        with pytest.raises(LookupError):
            events.send_pending()
    finally:
        events_published.disconnect(refuse)
    assert numbers() == []
    heard = []

    def listen(events, **kwargs):
        heard.extend(events)

    events_published.connect(listen)
    try:
        events.send_pending()
    finally:
        events_published.disconnect(listen)
    assert [(event.seq, event.object_id) for event in heard] == [(1, 1)]


@pytest.mark.parametrize("point", ["events.numbered", "events.told"])
def test_a_killed_publisher_leaves_no_gap(committed_db, point):
    with transaction.atomic():
        for n in range(3):
            publish(n)

    def run() -> None:
        for inherited in connections.all(initialized_only=True):
            inherited.connection = None
        os.environ[failpoints.VARIABLE] = point
        events.send_pending()
        os._exit(0)

    child = forking.Process(target=run)
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert numbers() == []
    assert events.send_pending() == 3
    assert numbers() == [1, 2, 3]


def test_writers_publishers_and_a_reader_at_once_see_one_order_without_gaps(committed_db):
    """6 writers change 4 objects under their row locks, 3 publish, 1 reads all the while."""
    counters = [Counter.objects.create(provider_id=9, name=f"thing {n}", last=0) for n in range(4)]
    writers, each, done = 6, 20, threading.Event()
    left = threading.Semaphore(0)

    def write() -> None:
        for n in range(each):
            with transaction.atomic():
                thing = Counter.objects.select_for_update().get(pk=counters[n % 4].pk)
                Counter.objects.filter(pk=thing.pk).update(last=thing.last + 1)
                publish(thing.pk, version=thing.last + 1)
        left.release()

    def publisher() -> None:
        while not done.is_set():
            events.send_pending(limit=7)

    def read() -> list[int]:
        after, holes = 0, []
        while not done.is_set():
            for seq in Event.objects.filter(seq__gt=after).order_by("seq").values_list("seq")[:50]:
                if seq[0] != after + 1:
                    holes.append(seq[0])
                after = seq[0]
        return holes

    def wait() -> None:
        for _ in range(writers):
            left.acquire(timeout=60)
        done.set()

    results = at_once([*[write] * writers, *[publisher] * 3, read, wait])
    assert not [result for result in results if isinstance(result, Exception)]
    assert results[-2] == []
    events.send_pending()
    assert numbers() == list(range(1, writers * each + 1))
    for counter in counters:
        of_thing = Event.objects.filter(object_id=counter.pk).order_by("seq")
        versions = list(of_thing.values_list("object_version", flat=True))
        assert versions == sorted(versions) == list(range(1, len(versions) + 1))


# --- keeping -------------------------------------------------------------------------------------


def age(event: Event, days: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE voltop_event SET created_at = now() - %s WHERE id = %s",
            [timedelta(days=days), event.pk],
        )


def test_events_are_kept_for_more_than_thirty_days_and_unnumbered_ones_for_ever(db):
    for n in range(4):
        publish(n)
    events.send_pending()
    publish(4)
    old, kept, *_rest, pending = Event.objects.order_by("id")
    age(old, events.KEEP_DAYS + 0.1)
    age(kept, 31)
    age(pending, 100)
    assert events.forget_old() == 1
    assert events.forget_old() == 0
    assert numbers() == [2, 3, 4]
    assert events.oldest_kept(3) == 2
    assert events.oldest_kept(4) == 1


def test_where_all_is_forgotten_the_next_number_is_the_oldest(db):
    publish(1)
    events.send_pending()
    age(Event.objects.get(), 100)
    events.forget_old()
    assert events.oldest_kept(3) == 2
