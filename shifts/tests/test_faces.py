"""Faces and starts: when a company asks for a face, what lets a driver start, and what does not."""

from datetime import timedelta

import pytest

from drivers import services as driver_services
from drivers.faces.standing import face_needed
from drivers.tests.painted_faces import PaintedFaces, ask_for_faces, enrol, photo
from fleets.models import AuditEntry, FleetPolicy, RefreshFamily
from shifts.errors import StartRefused
from shifts.tests.scene import T0, Scene
from voltop.context import Actor

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def reasons(scene: Scene) -> list[dict]:
    with pytest.raises(StartRefused) as refused:
        scene.active()
    return refused.value.extra["reasons"]


def check(scene: Scene, person: int = 1, *, at=T0) -> str:
    driver = scene.cast.driver
    own = Actor("user", driver.user_id, driver.provider_id)
    made = driver_services.check_face(driver, actor=own, photo=photo(person, 9), at=at)
    return made.result


def test_without_the_rule_nobody_is_asked(scene: Scene):
    assert scene.active().status == "active"


def test_a_start_waits_for_a_passed_check(scene: Scene):
    ask_for_faces(scene.cast.a)
    [reason] = reasons(scene)
    assert (reason["code"], reason["overridable"]) == ("face_check_required", True)
    assert (reason["enrolled"], reason["last_result"]) == (False, None)
    enrol(scene.cast, scene.cast.driver, at=T0 - HOUR)
    assert check(scene, person=2) == "failed"
    assert reasons(scene)[0]["last_result"] == "failed"
    assert (
        driver_services.check_face(
            scene.cast.driver, actor=scene.actor, photo=photo(1, 10), at=T0
        ).result
        == "passed"
    )
    assert scene.active().status == "active"


def test_a_check_holds_for_as_long_as_the_company_says(scene: Scene):
    ask_for_faces(scene.cast.a, face_check_valid_h=2)
    enrol(scene.cast, scene.cast.driver, at=T0 - 5 * HOUR)
    assert check(scene, at=T0 - 2 * HOUR) == "passed"
    assert [each["code"] for each in reasons(scene)] == ["face_check_required"]
    ask_for_faces(scene.cast.a, face_check_valid_h=3)
    assert scene.active().status == "active"


def test_staff_set_it_aside_before_or_with_the_start(scene: Scene):
    ask_for_faces(scene.cast.a)
    shift = scene.active(override_reason="I see her")
    entry = AuditEntry.objects.get(action="shift.start_overridden", object_id=str(shift.pk))
    assert entry.changes == {"gates": [["face_check_required"], []]}


def test_set_aside_once_the_driver_starts_from_the_phone(scene: Scene):
    ask_for_faces(scene.cast.a)
    driver_services.set_aside_face_check(
        scene.cast.driver, actor=scene.actor, reason="I see her", at=T0 - HOUR
    )
    assert scene.active().status == "active"


@pytest.mark.parametrize(("policy", "starts"), [("allow", True), ("block", False)])
def test_an_engine_that_is_down_lets_through_or_not_as_the_company_says(
    scene: Scene, monkeypatch, policy, starts
):
    ask_for_faces(scene.cast.a, face_unavailable=policy)
    enrol(scene.cast, scene.cast.driver, at=T0 - HOUR)
    monkeypatch.setattr(PaintedFaces, "is_down", True)
    assert check(scene) == "unavailable"
    if starts:
        assert scene.active().status == "active"
    else:
        assert reasons(scene)[0]["last_result"] == "unavailable"


@pytest.mark.parametrize(("pct", "asked"), [(0, 0), (30, 30), (100, 100)])
def test_at_random_asks_the_same_driver_all_day_and_about_as_many_as_said(scene: Scene, pct, asked):
    """300 local days of one driver."""
    ask_for_faces(scene.cast.a, "random", face_check_pct=pct)
    driver, policy = scene.cast.driver, FleetPolicy.objects.get(provider=scene.cast.a)
    found = 0
    for day in range(300):
        noon = T0 + timedelta(days=day)
        drawn = face_needed(driver, policy, noon)
        assert face_needed(driver, policy, noon + HOUR) == drawn
        found += drawn
    assert abs(found / 3 - asked) <= 8


def log_in(scene: Scene, device: str, *, at) -> None:
    family = RefreshFamily.objects.create(
        user=scene.cast.driver.user,
        device_hash=device,
        last_used_at=at,
        expires_at=T0 + timedelta(days=90),
    )
    RefreshFamily.objects.filter(pk=family.pk).update(created_at=at)


def test_a_new_phone_is_asked_once_and_the_old_one_not_again(scene: Scene):
    ask_for_faces(scene.cast.a, "new_phone")
    enrol(scene.cast, scene.cast.driver, at=T0 - 30 * HOUR)
    log_in(scene, "a" * 64, at=T0 - 25 * HOUR)
    assert reasons(scene)[0]["code"] == "face_check_required"
    assert check(scene, at=T0 - 24 * HOUR) == "passed"
    log_in(scene, "a" * 64, at=T0 - 2 * HOUR)
    shift = scene.active()
    assert shift.status == "active"


@pytest.mark.parametrize("device", ["b" * 64, ""])
def test_another_phone_or_one_that_does_not_say_which_is_new(scene: Scene, device):
    ask_for_faces(scene.cast.a, "new_phone")
    enrol(scene.cast, scene.cast.driver, at=T0 - 30 * HOUR)
    log_in(scene, "a" * 64, at=T0 - 25 * HOUR)
    assert check(scene, at=T0 - 24 * HOUR) == "passed"
    log_in(scene, device, at=T0 - 23 * HOUR)
    assert reasons(scene)[0]["code"] == "face_check_required"
