"""Shifts found in telemetry: what is proposed, and what becomes of it."""

from datetime import date

import pytest

from drivers import services as driver_services
from fleets.models import AuditEntry
from shifts import services
from shifts.errors import (
    InvalidShiftPeriod,
    ProposalOverlap,
    ProposalWithoutDriver,
    ShiftNotOver,
    ShiftOverlap,
    ShiftTooLong,
)
from shifts.models import MetricsRequest, Shift, ShiftProposal
from shifts.services.proposals import ProposeResult
from shifts.tests.scene import Scene, at
from vehicles import services as vehicle_services
from vehicles.models import Assignment
from voltop.errors import IllegalMove, NotFound, ReasonRequired

pytestmark = pytest.mark.django_db


def propose(scene: Scene, from_h: float = -24, to_h: float = 48, **values) -> ProposeResult:
    return services.propose_shifts(scene.cast.a, at(from_h), at(to_h), actor=scene.actor, **values)


def periods(state: str = "proposed") -> list[tuple[float, float, int | None]]:
    """(start, end, driver) of the proposals, in hours after T0."""
    found = ShiftProposal.objects.filter(state=state).order_by("starts_at")
    return [
        (
            (row.starts_at - at(0)).total_seconds() / 3600,
            (row.ends_at - at(0)).total_seconds() / 3600,
            row.driver_id,
        )
        for row in found
    ]


@pytest.fixture
def dora(scene: Scene) -> int:
    return scene.cast.driver.pk


@pytest.fixture
def dario(scene: Scene) -> int:
    return scene.cast.other_driver.pk


# --- What is proposed ----------------------------------------------------------------------------
def test_work_between_long_silences_goes_to_whoever_had_the_car(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 3)
    scene.drive(scene.car, 5, 8)  # two hours of silence: still one shift
    scene.drive(scene.car, 14, 15)  # six: the next
    assert propose(scene) == ProposeResult(proposed=2)
    assert periods() == [(0, 8, dora), (14, 15, dora)]
    first = ShiftProposal.objects.order_by("starts_at").first()
    assert (first.business_date, first.time_zone) == (date(2026, 3, 2), "America/Mexico_City")
    assert first.events.get().to_state == "proposed"


def test_gap_that_parts_shifts_is_a_parameter(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 3)
    scene.drive(scene.car, 5, 8)
    propose(scene, gap_h=1)
    assert periods() == [(0, 3, dora), (5, 8, dora)]


def test_work_is_cut_where_the_car_changes_hands(scene: Scene, dora: int, dario: int):
    scene.hold(scene.car, scene.cast.driver, -100, 4)
    scene.hold(scene.car, scene.cast.other_driver, 4, None)
    scene.drive(scene.car, 0, 8)
    propose(scene)
    assert periods() == [(0, 4, dora), (4, 8, dario)]


def test_work_is_cut_at_the_longest_shift(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 26)
    propose(scene)
    assert periods() == [(0, 12, dora), (12, 24, dora), (24, 26, dora)]


def test_work_while_nobody_had_the_car_is_proposed_without_a_driver(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, 2, None)
    scene.drive(scene.car, 0, 4)
    propose(scene)
    assert periods() == [(0, 2, None), (2, 4, dora)]


def test_only_shifts_that_begin_in_the_window_are_proposed(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 8)
    scene.drive(scene.car, 20, 23)
    assert propose(scene, 0, 20) == ProposeResult(proposed=1)
    assert periods() == [(0, 8, dora)]
    assert propose(scene, 1, 20) == ProposeResult()
    assert propose(scene, 20, 40) == ProposeResult(proposed=1)


def test_time_that_the_driver_clocked_in_is_not_proposed(scene: Scene, dora: int):
    scene.drive(scene.car, 0, 9)
    shift = scene.active(at=at(1))
    services.end_shift(shift, actor=scene.actor, at=at(8))
    propose(scene)
    assert periods() == [(0, 1, None), (8, 9, None)]


def test_work_before_the_company_had_the_car_is_not_its_own(scene: Scene, proposal: ShiftProposal):
    scene.drive(scene.car, 20, 24)
    vehicle_services.transfer_vehicle(scene.car, scene.cast.b, actor=scene.cast.platform, at=at(22))
    found = services.propose_shifts(
        scene.cast.b, at(-24), at(48), actor=scene.cast.actor(scene.cast.b)
    )
    assert found == ProposeResult(proposed=1)
    assert periods() == [(22, 24, None)]
    proposal.refresh_from_db()
    assert (proposal.state, proposal.provider) == ("withdrawn", scene.cast.a)


# --- Again ---------------------------------------------------------------------------------------
def test_proposing_again_changes_nothing(scene: Scene):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 8)
    propose(scene)
    before = list(ShiftProposal.objects.values())
    assert propose(scene) == ProposeResult(unchanged=1)
    assert list(ShiftProposal.objects.values()) == before


def test_late_data_withdraws_what_no_longer_holds(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 2)
    scene.drive(scene.car, 8, 10)
    propose(scene)
    assert periods() == [(0, 2, dora), (8, 10, dora)]
    scene.drive(scene.car, 3, 7)
    assert propose(scene) == ProposeResult(proposed=1, withdrawn=2)
    assert periods() == [(0, 10, dora)]
    assert periods("withdrawn") == [(0, 2, dora), (8, 10, dora)]


def test_what_a_person_has_said_stays_whatever_comes_late(scene: Scene, dora: int):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 2)
    scene.drive(scene.car, 8, 10)
    scene.drive(scene.car, 20, 22)
    propose(scene)
    rejected, accepted, edited = ShiftProposal.objects.order_by("starts_at")
    services.reject_proposal(rejected, actor=scene.actor, reason="test drive")
    services.accept_proposal(accepted, actor=scene.actor)
    services.edit_proposal(edited, actor=scene.actor, ends_at=at(21))
    scene.drive(scene.car, 2.5, 7.5)
    assert propose(scene) == ProposeResult(proposed=2)
    assert periods() == [(2, 8, dora), (20, 21, dora), (21, 22, dora)]


# --- What becomes of it --------------------------------------------------------------------------
@pytest.fixture
def proposal(scene: Scene) -> ShiftProposal:
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 8)
    propose(scene)
    return ShiftProposal.objects.get()


def test_accepting_makes_an_ended_shift_with_its_stint_and_custody(
    scene: Scene, proposal: ShiftProposal
):
    shift = services.accept_proposal(proposal, actor=scene.actor, at=at(50))
    assert (shift.status, shift.close_reason) == ("ended", "telemetry")
    assert (shift.starts_at, shift.ends_at) == (at(0), at(8))
    assert (shift.driver, shift.business_date) == (scene.cast.driver, date(2026, 3, 2))
    stint = shift.stints.get()
    assert (stint.starts_at, stint.ends_at) == (at(0), at(8))
    held = Assignment.objects.get(kind="shift")
    assert (held.vehicle, held.driver, held.starts_at, held.ends_at) == (
        scene.car,
        scene.cast.driver,
        at(0),
        at(8),
    )
    assert stint.assignment == held
    assert MetricsRequest.objects.get().shift == shift
    proposal.refresh_from_db()
    assert (proposal.state, proposal.shift) == ("accepted", shift)
    assert [event.to_state for event in shift.events.all()] == ["ended"]


def test_accepting_again_gives_the_same_shift(scene: Scene, proposal: ShiftProposal):
    first = services.accept_proposal(proposal, actor=scene.actor)
    assert services.accept_proposal(proposal, actor=scene.actor) == first
    assert Shift.objects.count() == 1


def test_proposal_without_a_driver_waits_for_one(scene: Scene):
    scene.drive(scene.car, 0, 4)
    propose(scene)
    proposal = ShiftProposal.objects.get()
    with pytest.raises(ProposalWithoutDriver):
        services.accept_proposal(proposal, actor=scene.actor)
    edited = services.edit_proposal(proposal, actor=scene.actor, driver=scene.cast.driver)
    assert edited.edited
    assert services.accept_proposal(edited, actor=scene.actor).driver == scene.cast.driver
    entry = AuditEntry.objects.get(action="shift_proposal.edited")
    assert entry.changes == {"driver": [None, scene.cast.driver.pk]}


def test_terminated_drivers_past_work_is_still_accepted(scene: Scene, proposal: ShiftProposal):
    driver = scene.cast.driver
    driver_services.leave_driver(driver, actor=scene.actor, reason="moves away")
    vehicle_services.end_assignment(Assignment.objects.get(driver=driver), actor=scene.actor)
    driver_services.terminate_driver(driver, actor=scene.actor, reason="moved away")
    assert services.accept_proposal(proposal, actor=scene.actor).driver == driver


def test_shift_that_the_driver_worked_meanwhile_is_in_the_way(
    scene: Scene, proposal: ShiftProposal
):
    worked = scene.active(vehicle=scene.other_car, at=at(7))
    with pytest.raises(ShiftOverlap) as raised:
        services.accept_proposal(proposal, actor=scene.actor)
    assert raised.value.extra == {"shift": worked.pk}
    proposal.refresh_from_db()
    assert proposal.state == "proposed"


def test_many_are_accepted_each_for_itself(scene: Scene):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 2)
    scene.drive(scene.other_car, 1, 3)
    propose(scene)
    rows = list(ShiftProposal.objects.order_by("starts_at"))
    results = services.accept_proposals(rows, actor=scene.actor)
    assert [result.error and result.error.code for result in results] == [
        None,
        "proposal_without_driver",
    ]
    assert Shift.objects.get().pk == results[0].shift_id


def test_edit_keeps_within_order_length_and_neighbours(scene: Scene, proposal: ShiftProposal):
    edit = {"proposal": proposal, "actor": scene.actor}
    with pytest.raises(InvalidShiftPeriod):
        services.edit_proposal(**edit, ends_at=at(0))
    with pytest.raises(ShiftTooLong):
        services.edit_proposal(**edit, ends_at=at(13))
    with pytest.raises(ShiftNotOver):
        services.edit_proposal(**edit, ends_at=at(10), at=at(9))
    assert services.edit_proposal(**edit, ends_at=at(8), at=at(8)).ends_at == at(8)
    scene.drive(scene.car, 14, 15)
    propose(scene)
    with pytest.raises(ProposalOverlap):
        services.edit_proposal(**edit, starts_at=at(5), ends_at=at(14.5))
    same = services.edit_proposal(**edit, ends_at=at(8))
    assert not same.edited
    late = services.edit_proposal(**edit, starts_at=at(-9), ends_at=at(-1))
    assert late.business_date == date(2026, 3, 1)


MOVES = {
    "accept": lambda s, x: services.accept_proposal(x, actor=s.actor),
    "reject": lambda s, x: services.reject_proposal(x, actor=s.actor, reason="no"),
    "edit": lambda s, x: services.edit_proposal(x, actor=s.actor, ends_at=at(7)),
}
TABLE = {
    "proposed": {"accept": "accepted", "reject": "rejected", "edit": "proposed"},
    "accepted": {"accept": "accepted", "reject": "409", "edit": "409"},
    "rejected": {"accept": "409", "reject": "409", "edit": "409"},
    "withdrawn": {"accept": "409", "reject": "409", "edit": "409"},
}


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", MOVES)
def test_move(scene: Scene, proposal: ShiftProposal, state: str, move: str):
    if state == "accepted":
        services.accept_proposal(proposal, actor=scene.actor)
    elif state == "rejected":
        services.reject_proposal(proposal, actor=scene.actor, reason="no")
    elif state == "withdrawn":
        scene.drive(scene.car, 9, 10)
        propose(scene)
    proposal.refresh_from_db()
    assert proposal.state == state
    expected = TABLE[state][move]
    if expected == "409":
        with pytest.raises(IllegalMove):
            MOVES[move](scene, proposal)
        expected = state
    else:
        MOVES[move](scene, proposal)
    proposal.refresh_from_db()
    assert proposal.state == expected


def test_rejecting_asks_for_a_reason(scene: Scene, proposal: ShiftProposal):
    with pytest.raises(ReasonRequired):
        services.reject_proposal(proposal, actor=scene.actor, reason="")


def test_anothers_proposal_does_not_exist(scene: Scene, proposal: ShiftProposal):
    outsider = scene.cast.actor(scene.cast.b)
    with pytest.raises(NotFound):
        services.accept_proposal(proposal, actor=outsider)
    with pytest.raises(NotFound):
        services.edit_proposal(proposal, actor=scene.actor, driver=scene.cast.foreign_driver)


# --- As a job, through the API -------------------------------------------------------------------
def test_proposals_are_asked_for_as_a_job_and_accepted_in_bulk(scene: Scene, api):
    scene.hold(scene.car, scene.cast.driver, -100, None)
    scene.drive(scene.car, 0, 8)
    scene.drive(scene.other_car, 0, 1)
    client = api(scene.cast.dispatcher)
    body = {"start": at(-24).isoformat(), "end": at(24).isoformat()}
    asked = client.post("/api/v1/shift-proposals/propose", body, format="json")
    assert asked.status_code == 202, asked.json()
    assert (asked.json()["state"], asked.json()["total"]) == ("queued", 2)
    assert services.run_proposal_jobs() == 2
    assert services.run_proposal_jobs() == 0
    job = client.get(f"/api/v1/jobs/{asked.json()['id']}").json()
    assert (job["state"], job["done"]) == ("done", 2)
    assert job["result"] == {"proposed": 2, "withdrawn": 0, "unchanged": 0}
    rows = client.get("/api/v1/shift-proposals?state=proposed").json()["results"]
    answer = client.post(
        "/api/v1/shift-proposals/bulk-accept", {"ids": [row["id"] for row in rows]}, format="json"
    ).json()
    assert [(r["ok"], r["code"]) for r in answer["results"]] == [
        (True, ""),
        (False, "proposal_without_driver"),
    ]
    assert answer["results"][0]["shift"] == Shift.objects.get().pk
    left = client.get("/api/v1/shift-proposals?without_driver=true&state=proposed").json()
    path = f"/api/v1/shift-proposals/{left['results'][0]['id']}"
    filled = client.patch(path, {"driver": scene.cast.other_driver.pk}, format="json")
    assert (filled.status_code, filled.json()["edited"]) == (200, True)
    shift = client.post(f"{path}/accept", {}, format="json")
    assert (shift.status_code, shift.json()["status"]) == (200, "ended")
    assert client.post(f"{path}/reject", {"reason": "x"}, format="json").status_code == 409


def test_job_asked_for_backwards_is_refused(scene: Scene, api):
    body = {"start": at(1).isoformat(), "end": at(0).isoformat()}
    answer = api(scene.cast.owner).post("/api/v1/shift-proposals/propose", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_shift_period")
