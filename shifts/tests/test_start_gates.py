"""What stands in the way of a start: everything at once, and what staff may set aside."""

from datetime import timedelta

import pytest

from drivers import services as driver_services
from fleets import services as fleet_services
from fleets.errors import LimitReached
from fleets.models import AuditEntry
from shifts import gates, services
from shifts.errors import StartRefused
from shifts.models import Shift
from shifts.tests.scene import T0, Scene, at
from vehicles import services as vehicle_services
from vehicles.models import Assignment, VehicleState
from voltop import registry
from voltop.errors import IllegalMove, NotFound

pytestmark = pytest.mark.django_db


def codes_of(error: StartRefused) -> set[str]:
    return {reason["code"] for reason in error.extra["reasons"]}


def refused(scene: Scene, **values) -> set[str]:
    before = Shift.objects.count()
    with pytest.raises(StartRefused) as raised:
        scene.active(**values)
    assert Shift.objects.count() == before
    return codes_of(raised.value)


def test_nothing_in_the_way_starts_with_a_stint_on_a_shift_assignment(scene: Scene):
    shift = scene.active()
    assert (shift.status, shift.starts_at, shift.ends_at) == ("active", T0, None)
    stint = shift.stints.get()
    assert (stint.starts_at, stint.ends_at) == (T0, None)
    assignment = stint.assignment
    assert (assignment.kind, assignment.vehicle_id) == ("shift", scene.car.pk)
    assert (assignment.driver_id, assignment.ends_at) == (scene.cast.driver.pk, None)


def test_driver_who_is_not_active(scene: Scene):
    driver_services.suspend_driver(scene.cast.driver, actor=scene.actor, reason="papers")
    assert refused(scene) == {"driver_not_active"}


def test_provider_that_is_not_active(scene: Scene):
    assert scene.car
    assert scene.cast.driver
    fleet_services.suspend_provider(scene.cast.a, actor=scene.cast.platform, reason="unpaid")
    assert refused(scene) == {"provider_not_active"}


def test_vehicle_that_is_not_in_service(scene: Scene):
    vehicle_services.send_to_maintenance(scene.car, actor=scene.actor, reason="brakes")
    assert refused(scene) == {"vehicle_not_in_service"}


def test_another_companys_vehicle_does_not_exist(scene: Scene):
    with pytest.raises(NotFound):
        scene.active(vehicle=scene.foreign_car)


def test_battery_below_the_policy_is_refused_and_an_unknown_one_is_not(scene: Scene):
    VehicleState.objects.filter(vehicle=scene.car).update(soc_pct=19.9, soc_at=T0)
    assert refused(scene) == {"soc_too_low"}
    VehicleState.objects.filter(vehicle=scene.car).update(soc_pct=20, soc_at=T0)
    assert scene.active().status == "active"


def test_rest_is_counted_from_the_end_of_the_last_shift(scene: Scene):
    scene.ended()  # at 8 h; Mexico's pack asks for 10 h of rest
    with pytest.raises(StartRefused) as raised:
        scene.active(at=at(17.9))
    [reason] = raised.value.extra["reasons"]
    assert (reason["code"], reason["free_at"]) == ("rest_too_short", at(18).isoformat())
    assert scene.active(at=at(18)).status == "active"


def test_vehicle_that_another_driver_has(scene: Scene):
    scene.active(driver=scene.cast.other_driver)
    assert refused(scene) == {"vehicle_assigned"}


def test_second_shift_in_another_car_is_refused_naming_the_first(scene: Scene):
    first = scene.active()
    with pytest.raises(StartRefused) as raised:
        scene.active(vehicle=scene.other_car, at=at(1))
    [reason] = raised.value.extra["reasons"]
    assert (reason["code"], reason["shift"]) == ("shift_running", first.pk)


def test_all_reasons_come_at_once_with_what_may_be_overridden(scene: Scene):
    scene.ended()
    driver_services.suspend_driver(scene.cast.driver, actor=scene.actor, reason="papers")
    vehicle_services.send_to_maintenance(scene.car, actor=scene.actor, reason="brakes")
    VehicleState.objects.filter(vehicle=scene.car).update(soc_pct=5, soc_at=T0)
    with pytest.raises(StartRefused) as raised:
        scene.active(at=at(9), override_reason="no one else")
    overridable = {r["code"]: r["overridable"] for r in raised.value.extra["reasons"]}
    assert overridable == {
        "driver_not_active": False,
        "vehicle_not_in_service": False,
        "soc_too_low": True,
        "rest_too_short": True,
    }


def test_without_any_car_a_vehicle_is_required(scene: Scene):
    assert refused(scene, vehicle=None) == {"no_vehicle"}


def test_the_usual_car_is_taken_where_none_is_named(scene: Scene):
    vehicle_services.assign(
        scene.car,
        scene.cast.driver,
        actor=scene.actor,
        kind="permanent",
        starts_at=at(-100),
    )
    vehicle_services.assign(
        scene.other_car,
        scene.cast.driver,
        actor=scene.actor,
        kind="temporary",
        starts_at=at(-1),
        ends_at=at(1),
    )
    shift = scene.active(vehicle=None)
    assert shift.stints.get().assignment.vehicle_id == scene.other_car.pk


def test_override_by_staff_starts_and_is_audited(scene: Scene):
    scene.ended()
    shift = scene.active(at=at(9), override_reason=" night bus broke down ")
    assert shift.status == "active"
    entry = AuditEntry.objects.get(action="shift.start_overridden")
    assert entry.object_id == str(shift.pk)
    assert entry.changes == {"gates": [["rest_too_short"], []]}
    assert entry.reason == "night bus broke down"


def test_gates_of_higher_apps_are_asked_too(scene: Scene, monkeypatch):
    def gate(driver, vehicle, now):
        assert (driver.pk, vehicle.pk, now) == (scene.cast.driver.pk, scene.car.pk, T0)
        return [gates.Refusal(LimitReached(), overridable=True)]

    monkeypatch.setattr(registry, "_points", {registry.START_GATES: {"test": gate}})
    assert refused(scene) == {"limit_reached"}
    assert scene.active(override_reason="owner said so").status == "active"


# --- Planned and unplanned -----------------------------------------------------------------------
def test_start_takes_the_shift_planned_for_now_with_its_car(scene: Scene):
    planned = scene.scheduled()
    shift = scene.active(vehicle=None, at=T0 - timedelta(minutes=15))
    assert shift.pk == planned.pk
    assert shift.stints.get().assignment.vehicle_id == scene.car.pk


def test_planned_shift_does_not_start_before_the_grace(scene: Scene):
    planned = scene.scheduled()
    early = T0 - timedelta(minutes=16)
    assert refused(scene, planned=planned, at=early) == {"shift_too_early"}
    assert scene.active(planned=planned, at=early, override_reason="flight").pk == planned.pk


def test_unplanned_shift_needs_the_policys_consent(scene: Scene):
    fleet_services.change_policy(
        scene.cast.a, actor=scene.actor, values={"unplanned_shifts": False}
    )
    assert refused(scene) == {"unplanned_shift"}
    assert scene.active(override_reason="stand-in").planned_starts_at is None


def test_anothers_plan_does_not_exist_for_a_driver(scene: Scene):
    planned = scene.scheduled()
    with pytest.raises(NotFound):
        scene.active(driver=scene.cast.other_driver, planned=planned)


def test_cancelled_plan_cannot_start(scene: Scene):
    with pytest.raises(IllegalMove):
        scene.active(planned=scene.cancelled())


# --- Repeating -----------------------------------------------------------------------------------
def test_starting_again_gives_the_same_shift_and_changes_nothing(scene: Scene):
    first = scene.active()
    again = scene.active(at=at(0.1))
    assert again.pk == first.pk
    assert again.starts_at == T0
    assert (Shift.objects.count(), Assignment.objects.count()) == (1, 1)
    assert scene.active(vehicle=None, at=at(0.2)).pk == first.pk


def test_ending_again_gives_the_same_shift_and_changes_nothing(scene: Scene):
    ended = scene.ended()
    again = services.end_shift(ended, actor=scene.actor, at=at(8.5))
    assert (again.pk, again.ends_at, again.row_version) == (ended.pk, at(8), ended.row_version)
