"""Reads of places and bookings that are computed: free windows, a driver's own record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reservations.models import ChargingStation, Connector, Reservation

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
    limit: int = 3,
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
    connectors: Sequence[Connector], after: datetime, length: timedelta, *, limit: int = 3
) -> list[dict[str, object]]:
    """The next windows of that length on any of the plugs, soonest first, within seven days."""
    found = [
        {"connector": plug.pk, "starts_at": window.starts_at, "ends_at": window.ends_at}
        for plug in connectors
        for window in free_windows(
            plug.evse_id, after, after + HORIZON, at_least=length, limit=limit
        )
    ]
    found.sort(key=lambda item: str(item["starts_at"]))
    return [
        {**item, "starts_at": _text(item["starts_at"]), "ends_at": _text(item["ends_at"])}
        for item in found[:limit]
    ]


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


def _text(value: object) -> str:
    assert isinstance(value, datetime)
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
