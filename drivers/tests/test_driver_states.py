"""Every (state, move) pair of a driver, through the services; the expected results stand here."""

from collections.abc import Callable

import pytest

from drivers import services
from drivers.models import Driver
from drivers.signals import driver_moved
from voltop.errors import IllegalMove, ReasonRequired

MOVES: dict[str, Callable[..., Driver]] = {
    "onboard": services.onboard_driver,
    "activate": services.activate_driver,
    "suspend": services.suspend_driver,
    "reinstate": services.reinstate_driver,
    "leave": services.leave_driver,
    "terminate": services.terminate_driver,
}

# state: {move: state afterwards}; a move that is not listed is refused and changes nothing.
TABLE: dict[str, dict[str, str]] = {
    "invited": {"onboard": "onboarding", "terminate": "terminated"},
    "onboarding": {"activate": "active", "terminate": "terminated"},
    "active": {"suspend": "suspended", "leave": "leaving"},
    "suspended": {"reinstate": "active", "leave": "leaving"},
    "leaving": {"reinstate": "active", "terminate": "terminated"},
    "terminated": {},
}

PATHS: dict[str, list[str]] = {
    "invited": [],
    "onboarding": ["onboard"],
    "active": ["onboard", "activate"],
    "suspended": ["onboard", "activate", "suspend"],
    "leaving": ["onboard", "activate", "leave"],
    "terminated": ["terminate"],
}


def driver_in(cast, state: str) -> Driver:
    driver = cast.new_driver("Mona", active=False)
    for move in PATHS[state]:
        driver = MOVES[move](driver, actor=cast.actor(), reason="scene")
    assert driver.status == state
    return driver


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", MOVES)
def test_a_driver_moves_as_the_table_says(cast, state: str, move: str):
    driver = driver_in(cast, state)
    events_before = driver.events.count()
    expected = TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove) as refused:
            MOVES[move](driver, actor=cast.actor(), reason="because")
        assert refused.value.extra["state"] == state
        assert Driver.objects.get(pk=driver.pk).status == state
        assert driver.events.count() == events_before
        return
    moved = MOVES[move](driver, actor=cast.actor(), reason="because")
    assert moved.status == expected
    assert Driver.objects.get(pk=driver.pk).status == expected
    event = driver.events.last()
    assert (event.from_state, event.to_state, event.reason) == (state, expected, "because")
    assert event.actor == f"user:{cast.owner.pk}"
    assert event.provider_id == cast.a.pk


@pytest.mark.parametrize("move", ["suspend", "reinstate", "leave", "terminate"])
def test_a_move_that_takes_something_away_needs_a_reason(cast, move: str):
    driver = driver_in(cast, "active" if move != "terminate" else "leaving")
    with pytest.raises(ReasonRequired):
        MOVES[move](driver, actor=cast.actor(), reason="  ")
    assert Driver.objects.get(pk=driver.pk).status == driver.status


def test_a_move_is_told_once_with_both_states(cast):
    driver = driver_in(cast, "active")
    heard = []

    def listen(sender, driver, from_state, to_state, **kwargs):
        heard.append((driver.pk, from_state, to_state))

    driver_moved.connect(listen)
    try:
        services.suspend_driver(driver, actor=cast.actor(), reason="papers")
    finally:
        driver_moved.disconnect(listen)
    assert heard == [(driver.pk, "active", "suspended")]


def test_a_stale_object_moves_from_what_the_database_holds(cast):
    driver = driver_in(cast, "active")
    stale = Driver.objects.get(pk=driver.pk)
    services.suspend_driver(driver, actor=cast.actor(), reason="papers")
    with pytest.raises(IllegalMove) as refused:
        services.suspend_driver(stale, actor=cast.actor(), reason="papers")
    assert refused.value.extra["state"] == "suspended"
    assert driver.events.filter(to_state="suspended").count() == 1
