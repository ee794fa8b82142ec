"""Several samples of one instant: the result depends on the set of them, never on the order."""

import random

import pytest

from telemetry.models import SampleContribution
from telemetry.samples import VALUE_COLUMNS
from telemetry.tests.world import at, sample, stored

NAMES = [column.name for column in VALUE_COLUMNS]


def value(row, name):
    return row[3 + NAMES.index(name)]


def test_what_only_one_knows_is_filled_in(fleet):
    fleet.send(sample(fleet.car, at(8), soc_pct=50))
    result = fleet.send(sample(fleet.car, at(8), speed_kmh=30))
    assert (result.accepted, result.duplicates) == (1, 0)
    [row] = stored()
    assert (value(row, "soc_pct_x100"), value(row, "speed_kmh_x10")) == (5000, 300)
    assert SampleContribution.objects.count() == 2


def test_a_disagreement_goes_to_the_source_that_comes_first(fleet):
    first, second = fleet.new_source("oem", priority=10), fleet.new_source("phone", priority=20)
    fleet.send(sample(fleet.car, at(8), soc_pct=90), source=second)
    fleet.send(sample(fleet.car, at(8), soc_pct=40), source=first)
    fleet.send(sample(fleet.car, at(8), soc_pct=99, odometer_km=7), source=second)
    [row] = stored()
    assert (value(row, "soc_pct_x100"), value(row, "odometer_m")) == (4000, 7000)
    assert row[2] == first.pk


def test_within_one_source_the_greater_value_stands(fleet):
    for soc in (50, 70, 60):
        fleet.send(sample(fleet.car, at(8), soc_pct=soc))
    assert value(stored()[0], "soc_pct_x100") == 7000


def test_a_position_is_never_mixed_from_two(fleet):
    fleet.send(sample(fleet.car, at(8), latitude=10, longitude=20))
    fleet.send(sample(fleet.car, at(8), latitude=9, longitude=30, accuracy_m=5))
    [row] = stored()
    assert (value(row, "latitude_e7"), value(row, "longitude_e7")) == (100_000_000, 200_000_000)
    assert value(row, "accuracy_dm") is None


def test_a_contribution_sent_again_is_known(fleet):
    one, two = sample(fleet.car, at(8), soc_pct=50), sample(fleet.car, at(8), soc_pct=60)
    fleet.send(one)
    fleet.send(two)
    before = stored("*")
    again = fleet.send(one, two, sample(fleet.car, at(9)))
    assert (again.accepted, again.duplicates) == (1, 2)
    assert stored("*")[:1] == before


def test_another_sources_equal_sample_counts_for_the_order_of_sources(fleet):
    """Equal values from a source that comes first make the instant that source's."""
    second, first = fleet.new_source("late", priority=200), fleet.new_source("early", priority=1)
    item = sample(fleet.car, at(8), soc_pct=50)
    assert fleet.send(item, source=second).accepted == 1
    assert fleet.send(item, source=first).accepted == 1
    assert stored()[0][2] == first.pk
    assert fleet.send(item, source=second).duplicates == 1


def test_a_repeat_of_the_merged_row_still_counts_as_a_contribution(fleet):
    """Its fields may decide against a third source that is heard later."""
    sources = [fleet.new_source(f"s{n}", priority=n) for n in range(3)]
    items = [
        (sources[0], sample(fleet.car, at(8), soc_pct=50)),
        (sources[2], sample(fleet.car, at(8), odometer_km=5)),
        (sources[0], sample(fleet.car, at(8), soc_pct=50, odometer_km=5)),
        (sources[1], sample(fleet.car, at(8), odometer_km=9)),
    ]
    for source, item in items:
        fleet.send(item, source=source)
    assert value(stored()[0], "odometer_m") == 5000


def clashing(fleet, rng):
    """Samples of two cars, sources and few instants: nearly every one meets another."""
    sources = [fleet.source, fleet.new_source("oem", priority=50)]
    items = []
    for _ in range(120):
        item = sample(rng.choice([fleet.car, fleet.other_car]), at(8, rng.randrange(12)))
        if rng.random() < 0.7:
            item |= {"latitude": rng.randrange(3) / 8, "longitude": rng.randrange(3) / 8}
        for field in ("soc_pct", "speed_kmh", "odometer_km"):
            if rng.random() < 0.5:
                item[field] = rng.randrange(4)
        if rng.random() < 0.5:
            item["occupied"] = rng.random() < 0.5
        items.append((rng.choice(sources), item))
    return items


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_doubled_and_rebatched_gives_the_same_rows(fleet, seed):
    rng = random.Random(seed)
    items = clashing(fleet, rng)
    for source, item in items:
        fleet.send(item, source=source)
    expected = stored()
    assert len(expected) > 10
    empty_the_store()
    again = items + rng.sample(items, 40)
    rng.shuffle(again)
    while again:
        size = rng.randrange(1, 30)
        batch, again = again[:size], again[size:]
        for source in {source for source, _ in batch}:
            fleet.send(*[item for owner, item in batch if owner == source], source=source)
    assert stored() == expected


def empty_the_store():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_sample WHERE recorded_at > '2000-01-01'")
    SampleContribution.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_the_same_instant_from_many_sides_at_once(fleet):
    """Eight batches of differing samples for the same instants: no dead-lock, no loss, one row."""
    from voltop.tests.parallel import at_once

    cars = [fleet.car, fleet.other_car]
    fleet.send(sample(fleet.car, at(7)))  # makes the source

    def send(n):
        items = [
            sample(car, at(8, minute), soc_pct=n + minute) for car in cars for minute in range(20)
        ]
        return lambda: fleet.send(*(items if n % 2 else items[::-1]))

    results = at_once([send(n) for n in range(8)])
    assert [r.accepted for r in results] == [40] * 8
    rows = stored()
    assert len(rows) == 41
    assert [value(row, "soc_pct_x100") for row in rows[1:21]] == [(7 + m) * 100 for m in range(20)]
    assert SampleContribution.objects.count() == 8 * 40
