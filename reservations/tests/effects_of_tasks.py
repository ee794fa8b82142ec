"""The effects of reservations' tasks."""

from datetime import timedelta

from reservations.models import Reservation, ReservationEvent
from reservations.tests.scene import book, make_station
from voltop import clock
from voltop.tests.effects import Effect, Stage


def nobody_came(stage: Stage) -> list[int]:
    station = make_station(stage.cast, name="No-show yard")
    booked = book(stage.cast, station, stage.cast.new_vehicle("No-show"))
    begun = clock.now() - timedelta(hours=2)
    Reservation.objects.filter(pk=booked.pk).update(
        starts_at=begun,
        ends_at=begun + timedelta(hours=1),
        blocked_until=begun + timedelta(hours=1),
    )
    stage.notes["no-show"] = booked.pk
    return []


def releases(stage: Stage) -> int:
    events = ReservationEvent.objects.filter(reservation=stage.notes["no-show"])
    return events.filter(to_state="no_show").count()


EFFECTS = [Effect("reservations.release_no_shows", nobody_came, releases, 1)]
