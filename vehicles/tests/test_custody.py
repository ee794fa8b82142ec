"""Who had a car at an instant: shift, else temporary, else permanent, else its depot."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from vehicles import selectors, services
from vehicles.models import Assignment
from vehicles.selectors import HolderInterval

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
STRENGTH = ["permanent", "temporary", "shift"]


def at(hours: float) -> datetime:
    return T0 + hours * HOUR


@pytest.fixture
def car(cast):
    vehicle = cast.new_vehicle("Car 1", tenure_starts_at=at(-1000))
    return services.update_vehicle(vehicle, actor=cast.actor(), depot=cast.depot())


def give(car, driver, kind, start, end):
    return Assignment.objects.create(
        provider=car.provider,
        vehicle=car,
        driver=driver,
        kind=kind,
        starts_at=at(start),
        ends_at=None if end is None else at(end),
    )


def shown(intervals: list[HolderInterval]) -> list[tuple]:
    return [
        ((i.starts_at - T0) / HOUR, (i.ends_at - T0) / HOUR, i.driver_id, i.kind) for i in intervals
    ]


def test_the_stronger_kind_has_it_and_the_weaker_one_has_it_back(cast, car):
    dora, dario = cast.driver, cast.other_driver
    third = cast.new_driver("Third")
    usual = give(car, dora, "permanent", 2, None)
    give(car, dario, "temporary", 4, 10)
    give(car, third, "shift", 6, 8)
    found = selectors.holder_intervals([car.pk], at(0), at(12))
    assert shown(found) == [
        (0, 2, None, "depot"),
        (2, 4, dora.pk, "permanent"),
        (4, 6, dario.pk, "temporary"),
        (6, 8, third.pk, "shift"),
        (8, 10, dario.pk, "temporary"),
        (10, 12, dora.pk, "permanent"),
    ]
    assert {i.depot_id for i in found} == {car.depot_id}
    assert found[1].assignment_id == usual.pk


def test_without_an_assignment_the_depot_has_it(cast, car):
    found = selectors.holder_intervals([car.pk], at(0), at(5))
    assert shown(found) == [(0, 5, None, "depot")]


def test_what_was_called_off_counts_for_nothing(cast, car):
    row = give(car, cast.driver, "permanent", 1, 3)
    Assignment.objects.filter(pk=row.pk).update(cancelled_at=at(0))
    assert shown(selectors.holder_intervals([car.pk], at(0), at(5))) == [(0, 5, None, "depot")]


def test_an_empty_period_has_no_holder_and_an_unknown_car_none(cast, car):
    assert selectors.holder_intervals([car.pk], at(3), at(3)) == []
    assert selectors.holder_intervals([0], at(0), at(3)) == []


def test_many_cars_take_two_queries(cast, django_assert_num_queries):
    cars = [cast.new_vehicle(f"Car {n}").pk for n in range(12)]
    with django_assert_num_queries(2):
        found = selectors.holder_intervals([*cars, cars[0]], at(0), at(1))
    assert [i.vehicle_id for i in found] == sorted(cars)


@pytest.mark.parametrize("seed", range(6))
def test_any_tangle_of_assignments_tiles_the_time_and_agrees_with_each_instant(cast, car, seed):
    chance = random.Random(seed)
    people = [cast.driver, cast.other_driver, cast.new_driver("Third")]
    rows = []
    for kind, driver in zip(STRENGTH, people, strict=True):
        hour = chance.randrange(0, 4)
        while hour < 40:
            end = hour + chance.randrange(1, 6)
            rows.append((STRENGTH.index(kind), driver.pk, hour, end))
            give(car, driver, kind, hour, end)
            hour = end + chance.choice([0, 1, 3])
    found = selectors.holder_intervals([car.pk], at(-1), at(50))
    assert (found[0].starts_at, found[-1].ends_at) == (at(-1), at(50))
    assert all(one.ends_at == two.starts_at for one, two in itertools.pairwise(found))
    for interval in found:
        middle = ((interval.starts_at - T0) + (interval.ends_at - T0)) / 2 / HOUR
        holding = [(rank, pk) for rank, pk, start, end in rows if start <= middle < end]
        assert interval.driver_id == (max(holding)[1] if holding else None)


def test_tenures_are_cut_to_the_period(cast):
    car = cast.new_vehicle("Cab", tenure_starts_at=at(2))
    services.transfer_vehicle(car, cast.b, actor=cast.actor(), at=at(6))
    found = selectors.tenure_intervals([car.pk], at(0), at(10))
    assert [(t.provider_id, (t.starts_at - T0) / HOUR, (t.ends_at - T0) / HOUR) for t in found] == [
        (cast.a.pk, 2, 6),
        (cast.b.pk, 6, 10),
    ]
    assert selectors.provider_of(car.pk, at(1)) is None
