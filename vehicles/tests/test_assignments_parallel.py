"""Requests at the same moment: one wins, and the loser learns who. Real threads, real commits."""

from datetime import timedelta

import pytest

from vehicles import services
from vehicles.errors import DriverAssigned, VehicleAssigned, VehicleNotInService
from vehicles.models import Assignment, Vehicle, VehicleTenure
from voltop import clock
from voltop.errors import IllegalMove, NotFound
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.usefixtures("committed_db")
ROUNDS = range(4)


def split(results):
    made = [result for result in results if not isinstance(result, Exception)]
    refused = [result for result in results if isinstance(result, Exception)]
    return made, refused


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize("kind", ["permanent", "temporary"])
def test_two_drivers_for_one_car(cast, kind, round_):
    car, actor = cast.vehicle, cast.actor()
    people = [cast.driver, cast.other_driver]
    calls = [lambda d=d: services.assign(car, d, actor=actor, kind=kind) for d in people]
    made, refused = split(at_once(calls))
    assert (len(made), [type(error) for error in refused]) == (1, [VehicleAssigned])
    winner = Assignment.objects.get()
    assert winner == made[0]
    assert refused[0].extra["driver"] == winner.driver_id
    assert refused[0].extra["assignment"] == winner.pk


@pytest.mark.parametrize("round_", ROUNDS)
def test_two_cars_for_one_driver(cast, round_):
    driver, actor = cast.driver, cast.actor()
    cars = [cast.vehicle, cast.other_vehicle]
    calls = [lambda c=c: services.assign(c, driver, actor=actor, kind="permanent") for c in cars]
    made, refused = split(at_once(calls))
    assert (len(made), [type(error) for error in refused]) == (1, [DriverAssigned])
    assert refused[0].extra["vehicle"] == Assignment.objects.get().vehicle_id


@pytest.mark.parametrize("round_", ROUNDS)
def test_two_shifts_take_one_car(cast, round_):
    car, actor, at = cast.vehicle, cast.actor(), clock.now()
    people = [cast.driver, cast.other_driver]
    calls = [
        lambda d=d: services.open_shift_assignment(driver=d, vehicle=car, starts_at=at, actor=actor)
        for d in people
    ]
    made, refused = split(at_once(calls))
    assert (len(made), [type(error) for error in refused]) == (1, [VehicleAssigned])
    assert refused[0].extra["driver"] == Assignment.objects.get().driver_id


@pytest.mark.parametrize("round_", ROUNDS)
def test_crossed_replacements_leave_one_driver_to_each_car_without_a_deadlock(cast, round_):
    actor = cast.actor()
    cars, people = [cast.vehicle, cast.other_vehicle], [cast.driver, cast.other_driver]
    for car, driver in zip(cars, people, strict=True):
        services.assign(car, driver, actor=actor, kind="permanent")
    crossed = list(zip(cars, reversed(people), strict=True))
    calls = [
        lambda c=c, d=d: services.reassign(c, d, actor=actor, kind="permanent") for c, d in crossed
    ]
    made, refused = split(at_once(calls * 2))
    assert {type(error) for error in refused} <= {VehicleAssigned, DriverAssigned}
    assert made
    at = clock.now()
    standing = Assignment.objects.at(at)
    assert len({a.vehicle_id for a in standing}) == len({a.driver_id for a in standing})
    assert len(standing) == len({a.vehicle_id for a in standing})


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_car_taken_out_of_service_while_it_is_assigned(cast, round_):
    car, driver, actor = cast.vehicle, cast.driver, cast.actor()
    moved, assigned = at_once(
        [
            lambda: services.take_out_of_service(car, actor=actor, reason="crash"),
            lambda: services.assign(car, driver, actor=actor, kind="permanent"),
        ]
    )
    assert moved.status == "out_of_service"
    if isinstance(assigned, Exception):
        assert isinstance(assigned, VehicleNotInService)
        assert not Assignment.objects.exists()
    else:
        assert Assignment.objects.get().vehicle_id == car.pk


@pytest.mark.parametrize("round_", ROUNDS)
def test_two_transfers_at_once_give_the_car_to_one(cast, round_):
    car = cast.new_vehicle("Cab", tenure_starts_at=clock.now() - timedelta(days=1))
    actor, to = cast.actor(), cast.b
    cast.actor(to)
    results = at_once([lambda: services.transfer_vehicle(car, to, actor=actor)] * 2)
    made, refused = split(results)
    assert (len(made), [type(error) for error in refused]) == (1, [NotFound])
    assert Vehicle.objects.get(pk=car.pk).provider == to
    tenures = VehicleTenure.objects.filter(vehicle=car).order_by("starts_at")
    assert [t.provider_id for t in tenures] == [cast.a.pk, to.pk]


def test_of_two_moves_at_once_one_is_illegal(cast):
    car, actor = cast.vehicle, cast.actor()
    results = at_once([lambda: services.send_to_maintenance(car, actor=actor, reason="x")] * 2)
    made, refused = split(results)
    assert (len(made), [type(error) for error in refused]) == (1, [IllegalMove])
    assert car.events.count() == 2


def test_overlapping_batches_of_states_written_at_once_never_wait_in_a_circle(cast):
    cars = [cast.new_vehicle(f"Car {n}").pk for n in range(20)]
    start = clock.now() + timedelta(minutes=1)

    def batch(turn):
        at = start + timedelta(seconds=turn)
        rows = [services.StateRow(pk, at, soc_at=at, soc_pct=float(turn)) for pk in cars]
        return rows if turn % 2 else rows[::-1]

    results = at_once(
        [lambda n=n: [services.merge_states(batch(n + 8 * k)) for k in range(6)] for n in range(8)]
    )
    assert not [result for result in results if isinstance(result, Exception)]
    known = Vehicle.objects.filter(pk__in=cars).values_list("state__soc_pct", flat=True)
    assert set(known) == {47.0}


@pytest.mark.parametrize("round_", ROUNDS)
def test_one_plate_for_two_cars_at_once_is_refused_by_its_name(cast, api, round_):
    cars, client = [cast.vehicle, cast.other_vehicle], api(cast.dispatcher)
    answers = at_once(
        [
            lambda c=c: client.patch(f"/api/v1/vehicles/{c.pk}", {"plate": "AB1"}, format="json")
            for c in cars
        ]
    )
    found = sorted((answer.status_code, answer.json().get("code")) for answer in answers)
    assert found == [(200, None), (409, "plate_taken")]
