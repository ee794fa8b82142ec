"""What a driver is offered to book: when a charger that fits is free for their car.

Only starts that `reservations.rules` would take; who books first has it (`services.book`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q

from reservations import rules
from reservations.errors import ReservationOffGrid, ReservationTooLong
from reservations.models import ChargingStation, Connector, Reservation, ReservationKind
from reservations.opening import open_throughout
from vehicles.models import Vehicle
from voltop import clock

SPAN = timedelta(days=1)
MOST = 48
STEP_MIN = 15
"""Starts lie at least so far apart, however fine the station's grid is."""


@dataclass(frozen=True, slots=True)
class Offer:
    """[starts_at, ends_at) at a plug, the strongest one that is free then."""

    connector: int
    bay: str
    max_power_kw: Decimal
    starts_at: datetime
    ends_at: datetime


def offers(
    station: ChargingStation,
    vehicle: Vehicle | None,
    start: datetime,
    *,
    minutes: int,
    at: datetime,
) -> list[Offer]:
    """The starts of the day from `start` at which the vehicle (none: any) may be booked here.

    For so many minutes. At most 48, soonest first. Raises ReservationOffGrid, ReservationTooLong
    (400), and ConnectorDoesNotFit, EvseOutOfService (409) where no plug is for it.
    """
    length, longest_min = timedelta(minutes=minutes), rules.longest_min(station)
    if minutes % rules.grid_min(station):
        raise ReservationOffGrid(field="minutes", grid_min=rules.grid_min(station))
    if longest_min and minutes > longest_min:
        raise ReservationTooLong(field="minutes", max_min=longest_min)
    start = max(start, at)
    last = min(start + SPAN, at + rules.furthest(station, kind=ReservationKind.DRIVER))
    plugs = rules.fitting_connectors(station, vehicle, None)
    taken = _taken(plugs, vehicle, start, last + length + timedelta(minutes=station.buffer_min))
    found: list[Offer] = []
    for begins in _starts(station, start, last, length):
        plug = _free_plug(plugs, taken, vehicle, begins, begins + length, station.buffer_min)
        if plug is not None:
            kw, bay = plug.max_power_kw, str(plug.evse)
            found.append(Offer(plug.pk, bay, kw, begins, begins + length))
        if len(found) == MOST:
            break
    return found


def _starts(
    station: ChargingStation, start: datetime, last: datetime, length: timedelta
) -> Iterator[datetime]:
    """Starts within [start, last] on the station's grid, while it is open for the whole length."""
    zone, grid_min = clock.shown_zone(station.time_zone), rules.grid_min(station)
    step_min = -(-STEP_MIN // grid_min) * grid_min
    begins = rules.next_on_grid(start, zone, step_min)
    while begins <= last:
        on_grid = all(rules.on_grid(edge, zone, grid_min) for edge in (begins, begins + length))
        if on_grid and open_throughout(station.opening_hours, zone, begins, begins + length):
            yield begins
        begins += timedelta(minutes=step_min)


def _taken(
    plugs: list[Connector], vehicle: Vehicle | None, start: datetime, end: datetime
) -> list[Reservation]:
    """What is booked then at the plugs' chargers, and for the vehicle at its company."""
    meant = Q(evse_id__in=[plug.evse_id for plug in plugs])
    if vehicle is not None:
        meant |= Q(vehicle_id=vehicle.pk, provider_id=vehicle.provider_id)
    rows = Reservation.objects.unscoped().filter(meant)
    return list(rows.blocking().meeting(start, end))


def _free_plug(
    plugs: list[Connector],
    taken: list[Reservation],
    vehicle: Vehicle | None,
    begins: datetime,
    ends: datetime,
    buffer_min: int,
) -> Connector | None:
    """A vehicle is kept until its booking ends, a charger also for its buffer."""
    kept_until = ends + timedelta(minutes=buffer_min)
    own = [row for row in taken if vehicle is not None and row.vehicle_id == vehicle.pk]
    if any(row.starts_at < ends and row.ends_at > begins for row in own):
        return None
    meeting = [row for row in taken if row.starts_at < kept_until and row.blocked_until > begins]
    busy = {row.evse_id for row in meeting}
    return next((plug for plug in plugs if plug.evse_id not in busy), None)
