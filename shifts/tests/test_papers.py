"""Papers and starts: what is missing stops the next start, never a running shift."""

from datetime import timedelta

import pytest

from drivers import services as driver_services
from drivers.tests.papers import PICTURE, demand
from shifts import services
from shifts.errors import StartRefused
from shifts.tests.scene import T0, Scene

pytestmark = pytest.mark.django_db


def hand_in(scene: Scene, **values):
    document = driver_services.hand_in_document(
        scene.cast.driver,
        actor=scene.actor,
        kind="driving_licence",
        file=PICTURE,
        at=T0 - timedelta(days=1),
        **values,
    )
    return driver_services.approve_document(document, actor=scene.actor, at=T0)


def reasons(scene: Scene) -> list[dict]:
    with pytest.raises(StartRefused) as refused:
        scene.active()
    return refused.value.extra["reasons"]


def test_a_missing_paper_stops_the_start_and_says_which(scene: Scene):
    demand(scene.cast.a, "driving_licence", "national_id")
    hand_in(scene)
    [reason] = reasons(scene)
    assert (reason["code"], reason["overridable"]) == ("papers_missing", False)
    assert reason["papers"] == [{"kind": "national_id", "state": "missing", "expires_on": None}]


def test_renewing_lifts_exactly_that_block(scene: Scene):
    demand(scene.cast.a, "driving_licence")
    rejected = hand_in(scene)
    driver_services.reject_document(rejected, actor=scene.actor, reason="forged", at=T0)
    driver_services.suspend_driver(scene.cast.driver, actor=scene.actor, reason="until cleared")
    assert {each["code"] for each in reasons(scene)} == {"driver_not_active", "papers_missing"}
    hand_in(scene)
    assert {each["code"] for each in reasons(scene)} == {"driver_not_active"}


def test_a_shift_that_runs_outlives_its_papers(scene: Scene):
    demand(scene.cast.a, "driving_licence")
    document = hand_in(scene)
    shift = scene.active()
    driver_services.reject_document(document, actor=scene.actor, reason="forged", at=T0)
    shift = services.take_break(shift, actor=scene.actor, at=T0 + timedelta(hours=1))
    shift = services.resume(shift, actor=scene.actor, at=T0 + timedelta(hours=2))
    shift = services.end_shift(shift, actor=scene.actor, at=T0 + timedelta(hours=3))
    assert shift.status == "ended"


def test_a_company_that_demands_nothing_asks_for_nothing(scene: Scene):
    assert scene.active().status == "active"
