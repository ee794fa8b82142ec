"""Every (state, move) pair of a vehicle, through the services; the expected results stand here."""

from collections.abc import Callable

import pytest

from vehicles import services
from vehicles.models import Vehicle
from vehicles.signals import vehicle_moved
from voltop.errors import IllegalMove, ReasonRequired

MOVES: dict[str, Callable[..., Vehicle]] = {
    "maintain": services.send_to_maintenance,
    "take_out": services.take_out_of_service,
    "return": services.return_to_service,
    "retire": services.retire_vehicle,
}

# state: {move: state afterwards}; a move that is not listed is refused and changes nothing.
TABLE: dict[str, dict[str, str]] = {
    "in_service": {"maintain": "maintenance", "take_out": "out_of_service"},
    "maintenance": {"return": "in_service", "take_out": "out_of_service"},
    "out_of_service": {"return": "in_service", "maintain": "maintenance", "retire": "retired"},
    "retired": {},
}

PATHS: dict[str, list[str]] = {
    "in_service": [],
    "maintenance": ["maintain"],
    "out_of_service": ["take_out"],
    "retired": ["take_out", "retire"],
}


def vehicle_in(cast, state: str) -> Vehicle:
    vehicle = cast.new_vehicle("Scene")
    for move in PATHS[state]:
        vehicle = MOVES[move](vehicle, actor=cast.actor(), reason="scene")
    assert vehicle.status == state
    return vehicle


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", MOVES)
def test_a_vehicle_moves_as_the_table_says(cast, state: str, move: str):
    vehicle = vehicle_in(cast, state)
    events_before = vehicle.events.count()
    expected = TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove) as refused:
            MOVES[move](vehicle, actor=cast.actor(), reason="because")
        assert refused.value.extra["state"] == state
        assert Vehicle.objects.get(pk=vehicle.pk).status == state
        assert vehicle.events.count() == events_before
        return
    moved = MOVES[move](vehicle, actor=cast.actor(), reason="because")
    assert moved.status == expected
    assert Vehicle.objects.get(pk=vehicle.pk).status == expected
    event = vehicle.events.last()
    assert (event.from_state, event.to_state, event.reason) == (state, expected, "because")
    assert event.actor == f"user:{cast.owner.pk}"
    assert event.provider_id == cast.a.pk


@pytest.mark.parametrize("move", ["maintain", "take_out", "retire"])
def test_a_move_that_takes_a_car_away_needs_a_reason(cast, move: str):
    vehicle = vehicle_in(cast, "out_of_service" if move == "retire" else "in_service")
    with pytest.raises(ReasonRequired):
        MOVES[move](vehicle, actor=cast.actor(), reason="  ")
    assert Vehicle.objects.get(pk=vehicle.pk).status == vehicle.status


def test_a_move_is_told_once_with_both_states(cast):
    vehicle = vehicle_in(cast, "in_service")
    heard = []

    def listen(sender, vehicle, from_state, to_state, **kwargs):
        heard.append((vehicle.pk, from_state, to_state))

    vehicle_moved.connect(listen)
    try:
        services.take_out_of_service(vehicle, actor=cast.actor(), reason="crash")
    finally:
        vehicle_moved.disconnect(listen)
    assert heard == [(vehicle.pk, "in_service", "out_of_service")]


def test_a_stale_object_moves_from_what_the_database_holds(cast):
    vehicle = vehicle_in(cast, "in_service")
    stale = Vehicle.objects.get(pk=vehicle.pk)
    services.send_to_maintenance(vehicle, actor=cast.actor(), reason="tyres")
    with pytest.raises(IllegalMove) as refused:
        services.send_to_maintenance(stale, actor=cast.actor(), reason="tyres")
    assert refused.value.extra["state"] == "maintenance"
