"""Booking: one INSERT that the database accepts or not, and a clear answer when not.

A plain INSERT under an exclusion constraint deadlocks when many race for one slot; INSERT … ON
CONFLICT DO NOTHING does not, so that is how a booking is made. Whether the time is free is not
looked up before; vehicle, then driver are locked, so that a car which goes to another company or
for good at the same moment takes its bookings along.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from drivers.models import Driver
from reservations import rules
from reservations.errors import ConnectorTaken, VehicleTaken
from reservations.models import (
    RESERVATION_MACHINE,
    ChargingStation,
    Connector,
    Reservation,
    ReservationKind,
    ReservationStatus,
)
from reservations.selectors import next_free, next_free_of_vehicle
from reservations.services.moves import release_stale
from reservations.signals import reservation_made
from shifts.models import Shift
from vehicles.models import Vehicle
from vehicles.services import lock_drivers, lock_vehicles
from voltop import clock
from voltop.context import Actor
from voltop.errors import DomainError

INSERT = """
INSERT INTO reservations_reservation (
    provider_id, station_id, evse_id, connector_id, vehicle_id, driver_id, shift_id,
    kind, status, starts_at, ends_at, blocked_until, target_soc_pct, cancel_reason
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '')
ON CONFLICT DO NOTHING RETURNING id
"""


@transaction.atomic
def book(
    *,
    actor: Actor,
    station: ChargingStation,
    vehicle: Vehicle,
    starts_at: datetime,
    ends_at: datetime,
    kind: str = ReservationKind.DISPATCHER,
    connector: Connector | None = None,
    driver: Driver | None = None,
    shift: Shift | None = None,
    target_soc_pct: int | None = None,
    at: datetime | None = None,
) -> Reservation:
    """Book a plug (the named one, or any that fits here) for a vehicle over [starts_at, ends_at).

    The booking is confirmed at once where Voltop's word is enough, else pending until the charger
    has agreed. A blocker past its hold or grace is released first, even with no beat running.
    Raises what `reservations.rules` says, NotFound for a vehicle that has just been handed over,
    and ConnectorTaken or VehicleTaken (409) with the next free windows.
    """
    at = at or clock.now()
    actor.require_same_provider(station, vehicle, *(x for x in (driver, shift, connector) if x))
    [vehicle] = lock_vehicles([vehicle.pk])
    if driver is not None:
        [driver] = lock_drivers([driver.pk])
    actor.require_same_provider(vehicle)
    rules.check_parties(station, vehicle, driver)
    rules.check_period(station, starts_at, ends_at, kind=kind, at=at)
    rules.check_driver_limits(driver, kind=kind, at=at)
    plugs = rules.fitting_connectors(station, vehicle, connector)
    wanted = Reservation(
        provider_id=station.provider_id,
        station=station,
        vehicle=vehicle,
        driver=driver,
        shift=shift,
        kind=ReservationKind(kind),
        status=_first_state(station),
        starts_at=starts_at,
        ends_at=ends_at,
        blocked_until=ends_at + timedelta(minutes=station.buffer_min),
        target_soc_pct=target_soc_pct,
    )
    key = _insert_somewhere(wanted, plugs)
    if key is None and release_stale(wanted, [plug.evse_id for plug in plugs], at=at):
        key = _insert_somewhere(wanted, plugs)
    if key is None:
        raise _conflict(wanted, plugs)
    reservation = Reservation.objects.get(pk=key)
    RESERVATION_MACHINE.open(reservation, actor=actor, at=at)
    reservation_made.send(Reservation, reservation=reservation, actor=actor, at=at)
    return reservation


def _first_state(station: ChargingStation) -> str:
    if station.hold_channel == "none":
        return ReservationStatus.RESERVED
    return ReservationStatus.PENDING


def _insert_somewhere(wanted: Reservation, plugs: Sequence[Connector]) -> int | None:
    """Try the plugs in order; the id of the row that the database took."""
    with connection.cursor() as cursor:
        for plug in plugs:
            cursor.execute(
                INSERT,
                [
                    wanted.provider_id,
                    wanted.station_id,
                    plug.evse_id,
                    plug.pk,
                    wanted.vehicle_id,
                    wanted.driver_id,
                    wanted.shift_id,
                    str(wanted.kind),
                    str(wanted.status),
                    wanted.starts_at,
                    wanted.ends_at,
                    wanted.blocked_until,
                    wanted.target_soc_pct,
                ],
            )
            row = cursor.fetchone()
            if row is not None:
                return int(row[0])
    return None


def _conflict(wanted: Reservation, plugs: Sequence[Connector]) -> DomainError:
    """Which of the two rules refused: the vehicle's is named first, it holds on every plug."""
    length = wanted.ends_at - wanted.starts_at
    other = (
        Reservation.objects.for_provider(wanted.provider_id)
        .blocking()
        .filter(
            vehicle_id=wanted.vehicle_id,
            starts_at__lt=wanted.ends_at,
            ends_at__gt=wanted.starts_at,
        )
        .first()
    )
    if other is not None:
        free = next_free_of_vehicle(wanted.station, wanted.vehicle_id, wanted.starts_at, length)
        return VehicleTaken(reservation=other.pk, free=free)
    return ConnectorTaken(free=next_free(wanted.station, plugs, wanted.starts_at, length))
