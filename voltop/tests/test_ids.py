"""UUIDv7: form, order and uniqueness, also between threads and with a clock that steps back."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

from voltop import ids


def test_a_uuid7_has_the_form_of_rfc_9562_and_carries_its_time(monkeypatch):
    monkeypatch.setattr(ids, "_last", 0)  # other tests move the clock ahead of this one
    before = time.time_ns() // 1_000_000
    value = ids.uuid7()
    after = time.time_ns() // 1_000_000
    assert value.version == 7
    assert value.variant == RFC_4122
    assert before <= value.int >> 80 <= after + 1


def test_ids_of_one_process_rise_strictly():
    values = [ids.uuid7() for _ in range(20_000)]
    assert values == sorted(set(values))


def test_threads_never_share_an_id():
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [ids.uuid7() for _ in range(2_000)], range(8)))
    assert len({value for batch in batches for value in batch}) == 16_000
    assert all(batch == sorted(batch) for batch in batches)


def test_a_clock_that_steps_back_does_not_turn_the_order(monkeypatch):
    first = ids.uuid7()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 0)
    assert first < ids.uuid7() < ids.uuid7()
