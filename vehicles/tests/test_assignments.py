"""Assignments: one driver and one car per kind, what replaces them, and how they end."""

from datetime import timedelta

import pytest

from drivers import services as driver_services
from drivers.errors import DriverNotActive
from fleets.models import AuditEntry
from vehicles import services
from vehicles.errors import (
    AssignmentBegun,
    AssignmentEnded,
    AssignmentOfShift,
    AssignmentsNotAlike,
    DriverAssigned,
    InvalidAssignmentPeriod,
    OutsideTenure,
    VehicleAssigned,
    VehicleNotInService,
)
from vehicles.models import Assignment
from vehicles.signals import custody_changed
from voltop import clock
from voltop.errors import NotFound

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def now():
    return clock.now()


@pytest.fixture
def car(cast, now):
    return cast.new_vehicle("Car 1", tenure_starts_at=now - 30 * DAY)


@pytest.fixture
def second_car(cast, now):
    return cast.new_vehicle("Car 2", tenure_starts_at=now - 30 * DAY)


def give(cast, vehicle, driver, kind="permanent", service=services.assign, **values):
    return service(vehicle, driver, actor=cast.actor(), kind=kind, **values)


def test_an_assignment_holds_from_now_on_and_is_audited(cast, car, now):
    made = give(cast, car, cast.driver, at=now)
    assert (made.starts_at, made.ends_at, made.provider) == (now, None, cast.a)
    assert AuditEntry.objects.get(action="assignment.made").object_id == str(made.pk)


def test_a_car_has_one_driver_per_kind_and_the_refusal_names_the_winner(cast, car, now):
    first = give(cast, car, cast.driver, starts_at=now - DAY)
    with pytest.raises(VehicleAssigned) as refused:
        give(cast, car, cast.other_driver)
    assert refused.value.extra == {
        "driver": cast.driver.pk,
        "assignment": first.pk,
        "starts_at": (now - DAY).isoformat(),
        "ends_at": None,
    }
    assert give(cast, car, cast.other_driver, "temporary").pk


def test_a_driver_has_one_car_per_kind_and_the_refusal_names_it(cast, car, second_car, now):
    first = give(cast, car, cast.driver, starts_at=now - DAY, ends_at=now + DAY)
    with pytest.raises(DriverAssigned) as refused:
        give(cast, second_car, cast.driver)
    assert refused.value.extra["vehicle"] == car.pk
    assert refused.value.extra["assignment"] == first.pk
    assert refused.value.extra["ends_at"] == (now + DAY).isoformat()
    assert give(cast, second_car, cast.driver, starts_at=now + DAY).pk


def test_periods_that_touch_do_not_overlap(cast, car, now):
    give(cast, car, cast.driver, starts_at=now - DAY, ends_at=now)
    assert give(cast, car, cast.other_driver, starts_at=now, ends_at=now + DAY).pk
    assert give(cast, car, cast.driver, starts_at=now + DAY).pk


@pytest.mark.parametrize("length", [timedelta(0), -HOUR])
def test_a_period_goes_forward(cast, car, now, length):
    with pytest.raises(InvalidAssignmentPeriod):
        give(cast, car, cast.driver, starts_at=now, ends_at=now + length)


def test_what_is_not_fit_takes_nothing_new(cast, car, second_car):
    services.send_to_maintenance(car, actor=cast.actor(), reason="tyres")
    with pytest.raises(VehicleNotInService):
        give(cast, car, cast.driver)
    driver_services.suspend_driver(cast.driver, actor=cast.actor(), reason="papers")
    with pytest.raises(DriverNotActive):
        give(cast, second_car, cast.driver)
    assert not Assignment.objects.exists()


def test_another_companys_car_and_driver_do_not_exist(cast, car):
    with pytest.raises(NotFound):
        give(cast, cast.foreign_vehicle, cast.driver)
    with pytest.raises(NotFound):
        give(cast, car, cast.foreign_driver)


def test_nothing_is_assigned_outside_the_tenure(cast, car, now):
    with pytest.raises(OutsideTenure) as refused:
        give(cast, car, cast.driver, starts_at=now - 31 * DAY)
    assert refused.value.extra == {
        "starts_at": (now - 30 * DAY).isoformat(),
        "ends_at": None,
    }


def test_assignments_of_shifts_are_not_made_by_hand(cast, car):
    with pytest.raises(AssignmentOfShift):
        give(cast, car, cast.driver, "shift")


def test_ending_shortens_and_never_lengthens(cast, car, now):
    made = give(cast, car, cast.driver, starts_at=now - DAY, ends_at=now + DAY)
    ended = services.end_assignment(made, actor=cast.actor(), ends_at=now)
    assert ended.ends_at == now
    with pytest.raises(AssignmentEnded):
        services.end_assignment(made, actor=cast.actor(), ends_at=now + HOUR)
    with pytest.raises(InvalidAssignmentPeriod):
        services.end_assignment(made, actor=cast.actor(), ends_at=now - DAY)
    with pytest.raises(NotFound):
        services.end_assignment(made, actor=cast.actor(cast.b), ends_at=now - HOUR)
    assert Assignment.objects.get(pk=made.pk).ends_at == now


def test_what_has_not_begun_is_called_off_and_counts_for_nothing(cast, car, now):
    planned = give(cast, car, cast.driver, starts_at=now + DAY)
    services.cancel_assignment(planned, actor=cast.actor())
    assert give(cast, car, cast.other_driver, starts_at=now + DAY).pk
    with pytest.raises(AssignmentEnded):
        services.cancel_assignment(planned, actor=cast.actor())
    with pytest.raises(AssignmentEnded):
        services.end_assignment(planned, actor=cast.actor())
    running = give(cast, car, cast.driver, "temporary")
    with pytest.raises(AssignmentBegun):
        services.cancel_assignment(running, actor=cast.actor())


def test_replacing_ends_what_runs_and_calls_off_what_is_planned(cast, car, second_car, now):
    hers = give(cast, car, cast.driver, starts_at=now - DAY)
    planned = give(cast, second_car, cast.other_driver, starts_at=now + DAY)
    made = give(cast, car, cast.other_driver, service=services.reassign, starts_at=now)
    hers.refresh_from_db()
    planned.refresh_from_db()
    assert (hers.ends_at, hers.cancelled_at) == (now, None)
    assert planned.cancelled_at is not None
    assert made.driver == cast.other_driver
    standing = Assignment.objects.at(now)
    assert [a.driver for a in standing] == [cast.other_driver]


def test_replacing_does_not_rewrite_the_past(cast, car, now):
    later = give(cast, car, cast.driver, starts_at=now - HOUR)
    with pytest.raises(VehicleAssigned) as refused:
        give(cast, car, cast.other_driver, service=services.reassign, starts_at=now - DAY)
    assert refused.value.extra["assignment"] == later.pk
    later.refresh_from_db()
    assert (later.ends_at, later.cancelled_at) == (None, None)


def test_two_drivers_swap_their_cars_in_one_step(cast, car, second_car, now):
    one = give(cast, car, cast.driver, starts_at=now - DAY)
    two = give(cast, second_car, cast.other_driver, starts_at=now - DAY, ends_at=now + DAY)
    new_one, new_two = services.swap_assignments(one, two, actor=cast.actor(), at=now)
    assert (new_one.vehicle, new_one.driver, new_one.ends_at) == (car, cast.other_driver, None)
    assert (new_two.vehicle, new_two.driver) == (second_car, cast.driver)
    assert new_two.ends_at == now + DAY
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.ends_at, two.ends_at) == (now, now)


def test_only_two_running_ones_of_a_kind_are_swapped(cast, car, second_car, now):
    one = give(cast, car, cast.driver, starts_at=now - DAY)
    other_kind = give(cast, second_car, cast.other_driver, "temporary", starts_at=now - DAY)
    planned = give(cast, second_car, cast.other_driver, starts_at=now + DAY)
    for other in (one, other_kind, planned):
        with pytest.raises(AssignmentsNotAlike):
            services.swap_assignments(one, other, actor=cast.actor(), at=now)
    assert Assignment.objects.count() == 3


def open_shift(cast, car, driver, starts_at):
    return services.open_shift_assignment(
        driver=driver, vehicle=car, starts_at=starts_at, actor=cast.actor()
    )


def test_a_shift_takes_the_car_of_a_usual_driver_but_not_of_a_running_shift(cast, car, now):
    give(cast, car, cast.driver, starts_at=now - DAY)
    running = open_shift(cast, car, cast.other_driver, now - HOUR)
    with pytest.raises(VehicleAssigned) as refused:
        open_shift(cast, car, cast.driver, now)
    assert refused.value.extra["driver"] == cast.other_driver.pk
    closed = services.close_shift_assignment(running, ends_at=now, actor=cast.actor())
    assert closed.ends_at == now
    assert open_shift(cast, car, cast.driver, now).pk
    with pytest.raises(AssignmentEnded):
        services.close_shift_assignment(running, ends_at=now, actor=cast.actor())


def test_a_shift_assignment_changes_only_with_its_shift(cast, car, now):
    running = open_shift(cast, car, cast.driver, now - HOUR)
    with pytest.raises(AssignmentOfShift):
        services.end_assignment(running, actor=cast.actor())
    with pytest.raises(InvalidAssignmentPeriod):
        services.close_shift_assignment(running, ends_at=now - HOUR, actor=cast.actor())
    services.send_to_maintenance(car, actor=cast.actor(), reason="crash")
    assert services.close_shift_assignment(running, ends_at=now, actor=cast.actor()).ends_at == now
    with pytest.raises(VehicleNotInService):
        open_shift(cast, car, cast.driver, now)


def test_a_shift_of_the_past_needs_neither_car_nor_driver_of_today(cast, car, now):
    services.take_out_of_service(car, actor=cast.actor(), reason="old")
    driver_services.suspend_driver(cast.driver, actor=cast.actor(), reason="papers")
    past = {"driver": cast.driver, "vehicle": car, "actor": cast.actor()}
    made = services.import_shift_assignment(**past, starts_at=now - 2 * DAY, ends_at=now - DAY)
    assert (made.kind, made.ends_at) == ("shift", now - DAY)
    with pytest.raises(VehicleAssigned):
        services.import_shift_assignment(**past, starts_at=now - 3 * DAY, ends_at=now - DAY - HOUR)
    with pytest.raises(InvalidAssignmentPeriod):
        services.import_shift_assignment(**past, starts_at=now, ends_at=now)
    with pytest.raises(OutsideTenure):
        services.import_shift_assignment(**past, starts_at=now - 40 * DAY, ends_at=now - 39 * DAY)


def test_every_change_of_custody_is_told_with_its_period(cast, car, now):
    heard = []

    def listen(sender, vehicle_id, starts_at, ends_at, **kwargs):
        heard.append((vehicle_id, starts_at, ends_at))

    custody_changed.connect(listen)
    try:
        made = give(cast, car, cast.driver, starts_at=now - DAY)
        services.end_assignment(made, actor=cast.actor(), ends_at=now - HOUR)
        running = open_shift(cast, car, cast.driver, now - HOUR)
        services.close_shift_assignment(running, ends_at=now, actor=cast.actor())
        planned = give(cast, car, cast.driver, starts_at=now + DAY, ends_at=now + 2 * DAY)
        services.cancel_assignment(planned, actor=cast.actor())
    finally:
        custody_changed.disconnect(listen)
    assert heard == [
        (car.pk, now - DAY, None),
        (car.pk, now - HOUR, None),
        (car.pk, now - HOUR, None),
        (car.pk, now, None),
        (car.pk, now + DAY, now + 2 * DAY),
        (car.pk, now + DAY, now + 2 * DAY),
    ]
