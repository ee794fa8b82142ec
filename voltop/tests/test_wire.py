import pytest
from django.db import IntegrityError, connection, transaction

from voltop import wire

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int8", [1, -(2**63), 2**63 - 1]),
        ("int8", [None, 5, None]),
        ("float8", [1.5, None, -0.25]),
        ("bool", [True, False, None]),
        ("text", ["ac", "", None, "ñ"]),
    ],
)
def test_an_array_arrives_as_it_was_sent(kind, values):
    rows = wire.execute(f"SELECT %b::{kind}[]", [wire.array(values, kind)])
    assert rows == [(values,)]


def test_times_travel_as_microseconds_since_2000():
    times = wire.array([0, 1, None, -1_000_000], "timestamptz")
    sql = "SELECT extract(epoch FROM t - '2000-01-01 00:00+00') FROM unnest(%b::timestamptz[]) t"
    seconds = [value if value is None else float(value) for (value,) in wire.execute(sql, [times])]
    assert seconds == [0, 0.000001, None, -1]


@pytest.mark.parametrize("kind", ["int8", "text", "bool"])
def test_an_empty_array_is_empty_and_one_of_nothing_is_null(kind):
    rows = wire.execute(f"SELECT %b::{kind}[]", [wire.array([], kind)])
    assert rows == [([],)]
    assert wire.array([None, None], kind) is None


def test_statements_are_prepared_once_and_only_here():
    def prepared():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%8 * 7%'"
            )
            return cursor.fetchone()[0]

    before = prepared()
    assert [wire.execute("SELECT 8 * 7 + %b::int8", [n])[0][0] for n in range(3)] == [56, 57, 58]
    assert prepared() == before + 1
    assert connection.connection.prepare_threshold is None


def test_errors_are_djangos_and_the_connection_stays_as_it_was():
    with pytest.raises(IntegrityError), transaction.atomic():
        wire.execute("INSERT INTO fleets_fleetprovider (name) VALUES (%b::text)", ["x"])
    assert connection.connection.prepare_threshold is None
    assert wire.execute("SELECT 1") == [(1,)]
