"""Drivers who leave: what was planned for them is called off, what they hold keeps them."""

import pytest

from drivers import services as drivers
from drivers.errors import DriverBlocked, DriverNotActive
from shifts import services
from shifts.models import Shift
from shifts.tests.scene import H, Scene, at
from vehicles import services as vehicles
from vehicles.models import Assignment
from voltop import clock
from voltop.tests.cast import Cast
from voltop.tests.parallel import one_within_the_other


@pytest.mark.django_db
def test_a_leavers_planned_shifts_are_cancelled_and_a_running_one_goes_on(scene: Scene):
    running, planned = scene.active(), scene.scheduled(starts_at=at(24), ends_at=at(32))
    anothers = scene.scheduled(driver=scene.cast.other_driver, vehicle=None)
    drivers.leave_driver(scene.cast.driver, actor=scene.actor, reason="moves away")
    shifts = Shift.objects.in_bulk()
    assert [shifts[s.pk].status for s in (running, planned, anothers)] == [
        "active",
        "cancelled",
        "scheduled",
    ]
    assert planned.events.latest("id").reason == "driver leaves"


@pytest.mark.django_db
def test_a_suspended_drivers_plans_stand(scene: Scene):
    planned = scene.scheduled()
    drivers.suspend_driver(scene.cast.driver, actor=scene.actor, reason="papers")
    planned.refresh_from_db()
    assert planned.status == "scheduled"


@pytest.mark.django_db
def test_nobody_leaves_for_good_with_a_running_shift_or_a_car(scene: Scene, api):
    scene.hold(scene.car, scene.cast.driver, 0, None)
    shift = scene.active()
    driver = drivers.leave_driver(scene.cast.driver, actor=scene.actor, reason="moves away")
    client = api(scene.cast.owner)
    path = f"/api/v1/drivers/{driver.pk}/terminate"
    answer = client.post(path, {"reason": "gone"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "driver_blocked")
    assert answer.json()["extra"]["blockers"] == [
        {"code": "vehicles_held", "count": 1, "overridable": False},
        {"code": "shifts_running", "count": 1, "overridable": False},
    ]
    driver.refresh_from_db()
    assert driver.status == "leaving"
    services.end_shift(shift, actor=scene.actor, at=at(8))
    with pytest.raises(DriverBlocked):
        drivers.terminate_driver(driver, actor=scene.actor, reason="gone")
    vehicles.end_assignment(Assignment.objects.get(kind="permanent"), actor=scene.actor)
    assert client.post(path, {"reason": "gone"}, format="json").status_code == 200


@pytest.mark.usefixtures("committed_db")
def test_no_shift_is_planned_for_who_leaves_at_that_moment():
    cast = Cast()
    driver, actor, now = cast.driver, cast.actor(), clock.now()
    stale = type(driver).objects.get(pk=driver.pk)
    _left, planned = one_within_the_other(
        lambda: drivers.leave_driver(driver, actor=actor, reason="moves away"),
        lambda: services.schedule_shift(stale, actor=actor, starts_at=now + H, ends_at=now + 8 * H),
    )
    assert isinstance(planned, DriverNotActive)
    assert not Shift.objects.filter(driver=driver).exists()
