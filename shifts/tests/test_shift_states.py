"""Every move of a shift from every state: what happens, written out, each through its service."""

from collections.abc import Callable
from datetime import datetime

import pytest

from shifts import services
from shifts.models import Shift
from shifts.tests.scene import Scene, at
from voltop.errors import IllegalMove
from voltop.tests.undoing import undone

pytestmark = pytest.mark.django_db

Move = Callable[[Scene, Shift, datetime], object]

MOVES: dict[str, Move] = {
    "start": lambda s, x, t: services.start_shift(
        x.driver, planned=x, vehicle=s.car, actor=s.actor, at=at(0)
    ),
    "miss": lambda s, x, t: services.miss_shift(x, actor=s.actor, at=t),
    "cancel": lambda s, x, t: services.cancel_shift(x, actor=s.actor, reason="why", at=t),
    "break": lambda s, x, t: services.take_break(x, actor=s.actor, at=t),
    "resume": lambda s, x, t: services.resume(x, actor=s.actor, at=t),
    "end": lambda s, x, t: services.end_shift(x, actor=s.actor, at=t),
    "auto_close": lambda s, x, t: services.auto_close(x, actor=s.actor, at=t),
    "confirm": lambda s, x, t: services.confirm_shift(x, actor=s.actor, reason="seen", at=t),
    "reopen": lambda s, x, t: services.reopen_shift(x, actor=s.actor, reason="why", at=t),
    "settle": lambda s, x, t: services.settle_shifts([x.pk], actor=s.actor, at=t),
}

ILLEGAL = "409"

# The state after the move; "409": refused, and nothing changed. A start of what runs and an end of
# what has ended change nothing and are no error: phones repeat them.
TABLE: dict[str, dict[str, str]] = {
    "scheduled": {
        "start": "active",
        "miss": "missed",
        "cancel": "cancelled",
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": ILLEGAL,
        "auto_close": ILLEGAL,
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "active": {
        "start": "active",
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": "on_break",
        "resume": ILLEGAL,
        "end": "ended",
        "auto_close": "auto_closed",
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "on_break": {
        "start": "on_break",
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": "active",
        "end": "ended",
        "auto_close": "auto_closed",
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "missed": {
        "start": ILLEGAL,
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": ILLEGAL,
        "auto_close": ILLEGAL,
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "cancelled": {
        "start": ILLEGAL,
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": ILLEGAL,
        "auto_close": ILLEGAL,
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "auto_closed": {
        "start": ILLEGAL,
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": "ended",
        "auto_close": ILLEGAL,
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "ended": {
        "start": ILLEGAL,
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": "ended",
        "auto_close": ILLEGAL,
        "confirm": "confirmed",
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
    "confirmed": {
        "start": ILLEGAL,
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": "confirmed",
        "auto_close": ILLEGAL,
        "confirm": ILLEGAL,
        "reopen": "ended",
        "settle": "settled",
    },
    "settled": {
        "start": ILLEGAL,
        "miss": ILLEGAL,
        "cancel": ILLEGAL,
        "break": ILLEGAL,
        "resume": ILLEGAL,
        "end": "settled",
        "auto_close": ILLEGAL,
        "confirm": ILLEGAL,
        "reopen": ILLEGAL,
        "settle": ILLEGAL,
    },
}


def test_the_table_is_whole():
    assert set(TABLE) == set(Shift.Status.values)
    assert all(set(row) == set(MOVES) for row in TABLE.values())


@pytest.mark.parametrize("state", TABLE)
def test_moves(scene: Scene, state: str):
    made = getattr(scene, state)()
    assert scene.car
    assert scene.actor
    for move in MOVES:
        with undone():
            moves(scene, Shift.objects.get(pk=made.pk), state, move)


def moves(scene: Scene, shift: Shift, state: str, move: str) -> None:
    assert shift.status == state
    events = shift.events.count()
    expected = TABLE[state][move]
    if expected == ILLEGAL:
        with pytest.raises(IllegalMove):
            MOVES[move](scene, shift, at(12.75))
        expected = state
    else:
        MOVES[move](scene, shift, at(12.75))
    shift.refresh_from_db()
    assert shift.status == expected
    last = shift.events.last()
    assert last is not None
    assert last.to_state == expected
    assert shift.events.count() == events + (expected != state)
