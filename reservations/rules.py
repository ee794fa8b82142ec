"""What a booking must keep to, before the database decides about overlaps.

Each rule has its own error. Station fields override the provider's policy where they are set.
Not here: whether charger and vehicle are free (constraints, `reservations.services.booking`).
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drivers.models import Driver
from drivers.services import require_active as require_active_driver
from fleets.models import FleetPolicy
from fleets.services import require_active as require_active_provider
from reservations.errors import (
    ConnectorDoesNotFit,
    EvseOutOfService,
    NoShowLimit,
    ReservationEmpty,
    ReservationInPast,
    ReservationOffGrid,
    ReservationTooFar,
    ReservationTooLong,
    StationClosed,
    StationNotBookable,
    TooManyReservations,
)
from reservations.models import ChargingStation, Connector, Reservation, ReservationKind
from reservations.models.places import IN_SERVICE
from reservations.opening import open_throughout
from vehicles.models import Vehicle
from vehicles.services import require_in_service
from voltop import clock

FURTHEST = timedelta(days=366)
NO_SHOW_WINDOW = timedelta(days=30)
COMBINED = {"IEC_62196_T1": "IEC_62196_T1_COMBO", "IEC_62196_T2": "IEC_62196_T2_COMBO"}
"""A combined inlet (CCS) takes the plain AC plug of its type as well (IEC 62196-3)."""


def check_parties(station: ChargingStation, vehicle: Vehicle, driver: Driver | None) -> None:
    """Provider, station, vehicle and driver may be booked for at all.

    Raises ProviderNotActive, StationNotBookable, VehicleNotInService, VehicleRetired,
    DriverNotActive (409).
    """
    require_active_provider(station.provider)
    if not station.bookable or station.retired_at is not None:
        raise StationNotBookable(station=station.pk)
    require_in_service(vehicle)
    if driver is not None:
        require_active_driver(driver)


def check_period(
    station: ChargingStation,
    starts_at: datetime,
    ends_at: datetime,
    *,
    kind: str,
    at: datetime,
) -> None:
    """Length, grid, how far ahead, opening hours.

    Raises ReservationEmpty, ReservationOffGrid, ReservationTooLong, ReservationInPast,
    ReservationTooFar (400), StationClosed (409).
    """
    if ends_at <= starts_at:
        raise ReservationEmpty(field="ends_at")
    grid, zone = grid_min(station), clock.zone(station.time_zone)
    for field, instant in (("starts_at", starts_at), ("ends_at", ends_at)):
        if not on_grid(instant, zone, grid):
            raise ReservationOffGrid(field=field, grid_min=grid)
    max_min = longest_min(station)
    if max_min and ends_at - starts_at > timedelta(minutes=max_min):
        raise ReservationTooLong(field="ends_at", max_min=max_min)
    if starts_at < at - timedelta(minutes=grid):
        raise ReservationInPast(field="starts_at")
    ahead = furthest(station, kind=kind)
    if starts_at > at + ahead:
        raise ReservationTooFar(field="starts_at", days_ahead=ahead.days)
    if not open_throughout(station.opening_hours, zone, starts_at, ends_at):
        raise StationClosed(station=station.pk)


def grid_min(station: ChargingStation) -> int:
    """Bookings begin and end on multiples of so many minutes of the local day."""
    policy: FleetPolicy = station.provider.policy
    return station.reservation_grid_min or policy.reservation_grid_min


def longest_min(station: ChargingStation) -> int:
    """The longest booking in minutes; 0 means no cap."""
    policy: FleetPolicy = station.provider.policy
    own = station.reservation_max_min
    return policy.reservation_max_min if own is None else own


def furthest(station: ChargingStation, *, kind: str) -> timedelta:
    """How far ahead a booking may begin; drivers see less far than the office."""
    if kind != ReservationKind.DRIVER:
        return FURTHEST
    policy: FleetPolicy = station.provider.policy
    days = station.reservation_days_ahead
    return timedelta(days=policy.reservation_days_ahead if days is None else days)


def on_grid(instant: datetime, zone: ZoneInfo, grid: int) -> bool:
    """Whether an instant is a whole minute of the grid, by the zone's clock."""
    return not (instant.second or instant.microsecond) and minute_of_day(instant, zone) % grid == 0


def next_on_grid(instant: datetime, zone: ZoneInfo, grid: int) -> datetime:
    """The first whole minute of the grid, by the zone's clock, that is not before the instant."""
    minute = instant.replace(second=0, microsecond=0)
    minute += timedelta(minutes=int(minute < instant))
    return minute + timedelta(minutes=-minute_of_day(minute, zone) % grid)


def minute_of_day(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.hour * 60 + local.minute


def check_driver_limits(driver: Driver | None, *, kind: str, at: datetime) -> None:
    """What a driver may book for themself. Raises TooManyReservations, NoShowLimit (409)."""
    if driver is None or kind != ReservationKind.DRIVER:
        return
    policy: FleetPolicy = driver.provider.policy
    own = Reservation.objects.for_provider(driver.provider_id).filter(driver=driver)
    allowed = policy.reservations_open_per_driver
    if own.standing().filter(ends_at__gt=at).count() >= allowed:
        raise TooManyReservations(allowed=allowed)
    missed = own.filter(status="no_show", starts_at__gt=at - NO_SHOW_WINDOW).count()
    if policy.reservation_no_show_limit and missed >= policy.reservation_no_show_limit:
        raise NoShowLimit(missed=missed, allowed=policy.reservation_no_show_limit)


def fitting_connectors(
    station: ChargingStation, vehicle: Vehicle | None, wanted: Connector | None
) -> list[Connector]:
    """The plugs that may be booked for the vehicle: the wanted one, or all that fit here.

    No vehicle, or one whose model names no inlets, fits everywhere; a CCS inlet takes its AC plug
    too.
    Raises ConnectorDoesNotFit, EvseOutOfService (409).
    """
    plugs = Connector.objects.for_provider(station.provider_id).filter(evse__station=station)
    plugs = plugs.select_related("evse").order_by("-max_power_kw", "id")
    chosen = [plug for plug in plugs if wanted is None or plug.pk == wanted.pk]
    inlets = set(vehicle.model.inlets) if vehicle is not None else set()
    fitting = [
        plug
        for plug in chosen
        if not inlets or inlets & {plug.standard, COMBINED.get(plug.standard)}
    ]
    if not fitting:
        raise ConnectorDoesNotFit(inlets=sorted(inlets))
    usable = [plug for plug in fitting if plug.evse.status in IN_SERVICE]
    if not usable:
        raise EvseOutOfService(evse=fitting[0].evse_id)
    return usable
