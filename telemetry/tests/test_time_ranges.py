"""Every query of samples names a time range, so that the planner looks at few partitions.

All the ways in which samples are read or written are gone through over a store of many days, and
each statement is explained as it runs: none may reach far beyond the days it is about.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from telemetry import partitions, selectors, services
from telemetry.panels import latest_samples
from telemetry.tests.test_derive import wandering
from telemetry.tests.world import DAY, NOW, at, sample, stored

# A day and its neighbours within a week on both sides, twice: windows are widened once.
FEW = 33
READS = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE|CREATE TEMPORARY TABLE \w+ ON COMMIT DROP AS)")
PARTITION = re.compile(r"telemetry_sample_\d{8}")


@contextmanager
def partitions_of_each_statement() -> Iterator[list[tuple[int, str]]]:
    """How many partitions the plan of each statement about samples names."""
    seen: list[tuple[int, str]] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "telemetry_sample" in sql and READS.match(sql) and not many:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN (COSTS off) {sql}", params)
                plan = "\n".join(row[0] for row in cursor.fetchall())
            seen.append((len(set(PARTITION.findall(plan))), sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield seen


@pytest.fixture
def many_days(db):
    """A partition for each of 120 days around the day of the tests."""
    first = DAY.date() - timedelta(days=60)
    partitions.ensure(first + timedelta(days=n) for n in range(120))


def test_no_statement_looks_at_all_partitions(fleet, cast, many_days):
    with partitions_of_each_statement() as seen:
        items = wandering(fleet, random.Random(3))
        fleet.send(*items)
        fleet.send(*items[:20], sample(fleet.car, at(1), soc_pct=7))
        fleet.send(sample(fleet.car, at(1), soc_pct=8))
        services.derive_pending(at=NOW)
        services.rebuild(at(0), at(24))
        selectors.measure(fleet.car.pk, at(3), at(9))
        selectors.work_intervals(fleet.car.pk, at(0), at(24), 4)
        selectors.track(fleet.car.pk, cast.a.pk, at(0), at(24), max_points=100)
        latest_samples(fleet.car, cast.a.pk)
    assert len(seen) >= 12
    wide = [(count, sql) for count, sql in seen if count > FEW]
    assert not wide, wide[0]


def test_the_check_can_fail(fleet, many_days):
    with partitions_of_each_statement() as seen:
        stored()
    assert max(count for count, _ in seen) > FEW
    assert date(2026, 3, 2) in partitions.attached_days()
