"""Every (state, move) pair of a reservation, through the services."""

from datetime import timedelta

import pytest

from reservations import errors, services
from reservations.models import Reservation
from reservations.tests.scene import book, make_station, tomorrow
from voltop.errors import IllegalMove

AT = tomorrow(10)
MOVES = {
    "confirm": lambda r, a: services.confirm(r, actor=a),
    "cancel": lambda r, a: services.cancel(r, actor=a, reason="changed plans"),
    "check_in": lambda r, a: services.check_in(r, actor=a, at=AT),
    "change": lambda r, a: services.change_period(r, actor=a, ends_at=tomorrow(12)),
}
TABLE = {
    "pending": {"confirm": "reserved", "cancel": "canceled", "change": "pending"},
    "reserved": {"cancel": "canceled", "check_in": "fulfilled", "change": "reserved"},
    "fulfilled": {},
    "canceled": {},
    "no_show": {},
    "failed": {},
}


def reservation_in(cast, state: str) -> Reservation:
    channel = "csms" if state in ("pending", "failed") else "none"
    reservation = book(cast, make_station(cast, hold_channel=channel))
    actor = cast.actor()
    if state == "fulfilled":
        services.check_in(reservation, actor=actor, at=AT)
    elif state == "canceled":
        services.cancel(reservation, actor=actor)
    elif state in ("no_show", "failed"):
        services.release_no_shows(at=AT + timedelta(minutes=15))
    reservation.refresh_from_db()
    assert reservation.status == state
    return reservation


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("move", MOVES)
def test_a_reservation_moves_as_the_table_says(cast, state, move):
    reservation = reservation_in(cast, state)
    expected = TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            MOVES[move](reservation, cast.actor())
    else:
        MOVES[move](reservation, cast.actor())
    reservation.refresh_from_db()
    assert reservation.status == (expected or state)
    assert reservation.events.last().to_state == (expected or state)


@pytest.mark.parametrize(
    ("state", "released"),
    [("pending", "failed"), ("reserved", "no_show"), ("fulfilled", None), ("canceled", None)],
)
def test_what_nobody_came_for_is_released(cast, state, released):
    reservation = reservation_in(cast, state)
    assert services.release_no_shows(at=AT + timedelta(hours=1)) == (1 if released else 0)
    assert services.release_no_shows(at=AT + timedelta(hours=1)) == 0
    reservation.refresh_from_db()
    assert reservation.status == (released or state)


@pytest.mark.parametrize(("minutes", "fits"), [(-16, False), (-15, True), (59, True), (60, False)])
def test_checking_in_is_possible_around_the_period(cast, minutes, fits):
    reservation = reservation_in(cast, "reserved")
    at = AT + timedelta(minutes=minutes)
    if fits:
        assert services.check_in(reservation, actor=cast.actor(), at=at).checked_in_at == at
    else:
        with pytest.raises(errors.CheckInOutsidePeriod):
            services.check_in(reservation, actor=cast.actor(), at=at)


def test_a_cancelled_slot_is_bookable_at_once(cast):
    station = make_station(cast, chargers=1)
    services.cancel(book(cast, station), actor=cast.actor())
    assert book(cast, station, cast.other_vehicle).status == "reserved"


def test_a_change_into_anothers_time_is_refused_and_changes_nothing(cast):
    station = make_station(cast, chargers=1)
    mine = book(cast, station)
    book(cast, station, cast.other_vehicle, starts_at=tomorrow(11), ends_at=tomorrow(12))
    with pytest.raises(errors.ConnectorTaken):
        services.change_period(mine, actor=cast.actor(), ends_at=tomorrow(11, 30))
    mine.refresh_from_db()
    assert mine.ends_at == tomorrow(11)
    moved = services.change_period(
        mine, actor=cast.actor(), starts_at=tomorrow(12), ends_at=tomorrow(13)
    )
    assert (moved.starts_at, moved.blocked_until) == (tomorrow(12), tomorrow(13))
