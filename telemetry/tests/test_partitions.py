"""Partitions of the store: made before rows come, without stopping an open ingest."""

from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from telemetry import partitions, store
from telemetry.tests.world import at, sample, stored

DAY = date(2026, 3, 2)


def drop(day):
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {partitions.partition_name(day)}")


@pytest.mark.django_db(transaction=True)
def test_a_partition_that_was_dropped_is_made_again(fleet):
    fleet.send(sample(fleet.car, at(8)))
    drop(DAY)
    assert partitions.missing([DAY]) == []  # this process still believes in it
    assert fleet.send(sample(fleet.car, at(9))).accepted == 1
    drop(DAY)
    assert fleet.send(sample(fleet.car, at(9)), sample(fleet.car, at(10))).accepted == 2
    assert len(stored()) == 2


def test_both_sides_of_midnight_find_their_day(fleet):
    edge = at(24)
    result = fleet.send(
        sample(fleet.car, edge - timedelta(milliseconds=1)), sample(fleet.car, edge)
    )
    assert result.accepted == 2
    assert stored("tableoid::regclass::text") == [
        ("telemetry_sample_20260302",),
        ("telemetry_sample_20260303",),
    ]


@pytest.mark.django_db(transaction=True)
def test_making_a_partition_does_not_wait_for_an_open_ingest(fleet):
    fleet.send(sample(fleet.car, at(8)))
    with transaction.atomic():
        fleet.send(sample(fleet.car, at(9)))
        # Another connection, while this one holds its locks; it would give up after 10 seconds.
        assert partitions.ensure([date(2026, 5, 5)]) == [date(2026, 5, 5)]
    assert len(stored()) == 2


def test_there_is_no_default_partition(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_partitioned_table"
            " WHERE partrelid = 'telemetry_sample'::regclass AND partdefid <> 0"
        )
        assert cursor.fetchone() == (0,)


def test_a_full_row_with_its_key_takes_at_most_150_bytes(fleet):
    """Heap and primary key of 20,000 rows with every field set, as PostgreSQL counts them."""
    partitions.ensure([date(2026, 6, 6)])  # a day of its own: nothing dead in it
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO telemetry_sample ({', '.join(store.COLUMNS)})"
            " SELECT v, '2026-06-06'::timestamptz + t * interval '1 second', now(), 1, 1, 1, 1, 1,"
            " 1, 1, 1, 1, 1, 1, 1, 1, 1, true, true, true"
            " FROM generate_series(1, 20) v, generate_series(1, 1000) t"
        )
        cursor.execute(
            "SELECT pg_table_size('telemetry_sample_20260606'::regclass)"
            " + pg_relation_size('telemetry_sample_20260606_pkey'::regclass)"
        )
        assert cursor.fetchone()[0] / 20_000 <= 150


@pytest.mark.django_db(transaction=True)
def test_a_drop_that_was_cut_off_is_finished_before_the_day_is_used_again(fleet):
    """Killed between detaching and dropping: the day's old table is in nobody's way."""
    fleet.send(sample(fleet.car, at(8)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE telemetry_sample DETACH PARTITION {partitions.partition_name(DAY)}"
        )
    partitions.forget()
    assert fleet.send(sample(fleet.car, at(9))).accepted == 1
    assert stored("recorded_at") == [(at(9),)]
