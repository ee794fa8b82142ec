"""Reads of places and bookings that are computed: free windows, a driver's own record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reservations import rules
from reservations.models import ChargingStation, Connector, Reservation
from voltop import clock

HORIZON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Window:
    """A span in which an EVSE (or a vehicle) is free; half-open, UTC."""

    starts_at: datetime
    ends_at: datetime


def free_windows(
    evse_id: int, start: datetime, end: datetime, *, at_least: timedelta, limit: int = 50
) -> list[Window]:
    """What is free of an EVSE within [start, end), in order, at least so long each."""
    taken = (
        Reservation.objects.unscoped()
        .filter(evse_id=evse_id)
        .blocking()
        .meeting(start, end)
        .order_by("starts_at")
        .values_list("starts_at", "blocked_until")
    )
    return _gaps(list(taken), start, end, at_least, limit)


def free_windows_of_vehicle(
    provider_id: int,
    vehicle_id: int,
    start: datetime,
    end: datetime,
    *,
    at_least: timedelta,
    limit: int = 50,
) -> list[Window]:
    """When the company has a vehicle of its own booked nowhere."""
    taken = (
        Reservation.objects.for_provider(provider_id)
        .filter(vehicle_id=vehicle_id, starts_at__lt=end, ends_at__gt=start)
        .blocking()
        .order_by("starts_at")
        .values_list("starts_at", "ends_at")
    )
    return _gaps(list(taken), start, end, at_least, limit)


def _gaps(
    taken: Sequence[tuple[datetime, datetime]],
    start: datetime,
    end: datetime,
    at_least: timedelta,
    limit: int,
) -> list[Window]:
    found: list[Window] = []
    reached = start
    for begins, stops in [*taken, (end, end)]:
        if begins - reached >= at_least and begins > reached:
            found.append(Window(reached, begins))
        reached = max(reached, stops)
        if len(found) == limit:
            break
    return found


def next_free(
    station: ChargingStation,
    plugs: Sequence[Connector],
    after: datetime,
    length: timedelta,
    *,
    limit: int = 3,
) -> list[dict[str, object]]:
    """The next windows of that length on any of the station's plugs, soonest first, within seven
    days: each begins and ends on the station's grid, its buffer left free behind it.
    """
    buffer, end = timedelta(minutes=station.buffer_min), after + HORIZON
    found = [
        (window, plug)
        for plug in plugs
        for free in free_windows(plug.evse_id, after, end, at_least=length + buffer)
        for window in _bookable(station, Window(free.starts_at, free.ends_at - buffer), length)
    ]
    found.sort(key=lambda item: item[0].starts_at)
    return [{"connector": plug.pk, **_told(window)} for window, plug in found[:limit]]


def next_free_of_vehicle(
    station: ChargingStation,
    vehicle_id: int,
    after: datetime,
    length: timedelta,
    *,
    limit: int = 3,
) -> list[dict[str, object]]:
    """The next windows of that length in which the station's company has the vehicle booked
    nowhere, within seven days and on the station's grid.
    """
    provider_id, end = station.provider_id, after + HORIZON
    found = [
        window
        for free in free_windows_of_vehicle(provider_id, vehicle_id, after, end, at_least=length)
        for window in _bookable(station, free, length)
    ]
    return [_told(window) for window in found[:limit]]


def _bookable(station: ChargingStation, free: Window, length: timedelta) -> list[Window]:
    """What of a free window lies on the station's grid, if it is still so long; else nothing."""
    zone, grid = clock.shown_zone(station.time_zone), rules.grid_min(station)
    begins, ends = rules.next_on_grid(free.starts_at, zone, grid), free.ends_at
    ends = ends.replace(second=0, microsecond=0)
    ends -= timedelta(minutes=rules.minute_of_day(ends, zone) % grid)
    return [Window(begins, ends)] if ends - begins >= length else []


def availability(
    station: ChargingStation, start: datetime, end: datetime
) -> list[dict[str, object]]:
    """Per plug of a station, what is free within [start, end)."""
    plugs = Connector.objects.filter(evse__station=station).select_related("evse")
    return [
        {
            "connector": plug.pk,
            "evse": plug.evse_id,
            "standard": plug.standard,
            "max_power_kw": plug.max_power_kw,
            "status": plug.evse.status,
            "free": free_windows(plug.evse_id, start, end, at_least=timedelta(minutes=1)),
        }
        for plug in plugs.order_by("id")
    ]


def _told(window: Window) -> dict[str, object]:
    edges = {"starts_at": window.starts_at, "ends_at": window.ends_at}
    return {name: f"{edge:%Y-%m-%dT%H:%M:%SZ}" for name, edge in edges.items()}
