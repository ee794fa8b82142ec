"""What happens to a booking after it was made: confirmed, changed, used, called off, missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from drivers.models import Driver
from fleets import audit
from fleets.services import require_active
from fleets.services.notices import notify
from reservations import rules
from reservations.errors import CheckInOutsidePeriod, ConnectorTaken, VehicleTaken
from reservations.models import (
    RESERVATION_MACHINE,
    CancelReason,
    Evse,
    Reservation,
    ReservationKind,
    ReservationStatus,
)
from reservations.selectors import next_free
from reservations.signals import reservation_moved
from vehicles.services import lock_vehicles
from voltop import clock, events, jobs
from voltop.context import Actor
from voltop.errors import IllegalMove

EARLY = timedelta(minutes=15)
SYSTEM = "reservations.release"


@transaction.atomic
def confirm(reservation: Reservation, *, actor: Actor, at: datetime | None = None) -> Reservation:
    """Pending → reserved: the charger has agreed."""
    actor.require_same_provider(reservation)
    return _move(reservation, ReservationStatus.RESERVED, actor=actor, at=at or clock.now())


@transaction.atomic
def cancel(
    reservation: Reservation,
    *,
    actor: Actor,
    cancel_reason: str = CancelReason.DISPATCHER,
    reason: str = "",
    at: datetime | None = None,
) -> Reservation:
    """Pending or reserved → canceled; the time is free at once."""
    actor.require_same_provider(reservation)
    at, driver = at or clock.now(), reservation.driver
    moved = _move(
        reservation,
        ReservationStatus.CANCELED,
        actor=actor,
        at=at,
        reason=reason,
        cancel_reason=CancelReason(cancel_reason),
    )
    if driver is not None and (actor.kind, actor.id) != ("user", driver.user_id):
        params = {"station": moved.station.name, "starts_at": moved.starts_at.isoformat()}
        notify(driver.user, "reservations.cancelled", params, about=moved, at=at)
    return moved


@transaction.atomic
def call_off_vehicle(
    vehicle_id: int, provider_id: int, *, actor: Actor, reason: str, at: datetime
) -> int:
    """Cancel a provider's standing bookings of a vehicle that it has no longer; returns how many.

    The actor may act for the other company: each cancellation is noted as done for this one.
    """
    actor = Actor(actor.kind, actor.id, provider_id, actor.name)
    standing = Reservation.objects.for_provider(provider_id).standing()
    bookings = _locked(standing.filter(vehicle_id=vehicle_id))
    for reservation in bookings:
        cancel(reservation, actor=actor, cancel_reason=CancelReason.VEHICLE, reason=reason, at=at)
    return len(bookings)


@transaction.atomic
def call_off_driver(driver: Driver, *, actor: Actor, reason: str, at: datetime) -> int:
    """Cancel the standing bookings that a driver made for himself; returns how many."""
    standing = Reservation.objects.for_provider(driver.provider_id).standing()
    own = _locked(standing.filter(driver=driver, kind=ReservationKind.DRIVER))
    for reservation in own:
        cancel(reservation, actor=actor, cancel_reason=CancelReason.DRIVER, reason=reason, at=at)
    return len(own)


def _locked(bookings: QuerySet[Reservation]) -> list[Reservation]:
    """Those that are still so once their rows are locked: none was used or missed meanwhile."""
    return list(bookings.select_for_update(no_key=True, of=("self",)).order_by("pk"))


@transaction.atomic
def check_in(reservation: Reservation, *, actor: Actor, at: datetime | None = None) -> Reservation:
    """Reserved → fulfilled: the car is there, from 15 minutes before the start to the end.

    Raises CheckInOutsidePeriod, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(reservation)
    reservation = Reservation.objects.select_for_update(no_key=True).get(pk=reservation.pk)
    if not reservation.starts_at - EARLY <= at < reservation.ends_at:
        raise CheckInOutsidePeriod(starts_at=reservation.starts_at.isoformat())
    return _move(reservation, ReservationStatus.FULFILLED, actor=actor, at=at, checked_in_at=at)


@transaction.atomic
def change_period(
    reservation: Reservation,
    *,
    actor: Actor,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    at: datetime | None = None,
) -> Reservation:
    """Move, extend or shorten a booking that stands.

    Vehicle and EVSE are locked first, in this order, so that two changes never deadlock. Time that
    was not booked before is something new: a suspended company's booking is shortened at most.
    Raises what `reservations.rules.check_period` says, ConnectorTaken, VehicleTaken,
    ProviderNotActive, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(reservation)
    lock_vehicles([reservation.vehicle_id])
    Evse.objects.select_for_update(no_key=True).get(pk=reservation.evse_id)
    reservation = Reservation.objects.select_for_update(no_key=True).get(pk=reservation.pk)
    if reservation.status not in ("pending", "reserved"):
        raise IllegalMove(object="reservation", state=reservation.status, to="changed", allowed=[])
    starts_at = starts_at or reservation.starts_at
    ends_at = ends_at or reservation.ends_at
    if starts_at < reservation.starts_at or ends_at > reservation.ends_at:
        require_active(reservation.station.provider)
    begun = min(at, starts_at) if starts_at == reservation.starts_at else at
    rules.check_period(reservation.station, starts_at, ends_at, kind=reservation.kind, at=begun)
    if changes := audit.diff(reservation, {"starts_at": starts_at, "ends_at": ends_at}):
        _write_period(reservation, starts_at, ends_at)
        audit.record("reservation.changed", reservation, actor=actor, at=at, changes=changes)
    reservation.refresh_from_db()
    events.publish_change(
        reservation,
        "reservation.updated",
        actor=actor,
        at=at,
        changed=("starts_at", "ends_at"),
        ids=("vehicle", "driver", "station", "evse"),
    )
    return reservation


def _write_period(reservation: Reservation, starts_at: datetime, ends_at: datetime) -> None:
    blocked_until = ends_at + timedelta(minutes=reservation.station.buffer_min)
    try:
        with transaction.atomic():
            Reservation.objects.filter(pk=reservation.pk).update(
                starts_at=starts_at, ends_at=ends_at, blocked_until=blocked_until
            )
    except IntegrityError as error:
        if "reservations_vehicle_taken" in str(error):
            raise VehicleTaken() from error
        if "reservations_evse_taken" not in str(error):
            raise
        station, plugs = reservation.station, [reservation.connector]
        free = next_free(station, plugs, starts_at, ends_at - starts_at)
        raise ConnectorTaken(free=free) from error


def release_stale(wanted: Reservation, evse_ids: Sequence[int], *, at: datetime) -> int:
    """Release bookings past their hold or grace that stand in the way of `wanted`."""
    in_the_way = (
        Reservation.objects.for_provider(wanted.provider_id)
        .unused(at)
        .filter(
            Q(evse_id__in=evse_ids, starts_at__lt=wanted.blocked_until)
            & Q(blocked_until__gt=wanted.starts_at)
            | Q(vehicle_id=wanted.vehicle_id, starts_at__lt=wanted.ends_at)
            & Q(ends_at__gt=wanted.starts_at)
        )
    )
    actor = Actor.system(SYSTEM, wanted.provider_id)
    keys = list(in_the_way.order_by("pk").values_list("pk", flat=True))
    return sum(_release(key, actor=actor, at=at) for key in keys)


def release_no_shows(*, at: datetime | None = None, limit: int = 500) -> int:
    """Release all bookings past their hold or grace, each in a transaction of its own.

    Pending ones whose start has come have failed; reserved ones past the grace are no-shows. Of
    each company the longest overdue first, `limit` at most.
    """
    at = at or clock.now()
    unused = Reservation.objects.unscoped().unused(at).order_by("starts_at", "pk")
    companies = unused.order_by("provider_id").values_list("provider_id", flat=True).distinct()
    done = 0
    with jobs.apart(SYSTEM, at=at) as pieces:
        for provider_id in list(companies):
            own = unused.filter(provider_id=provider_id).values_list("pk", flat=True)
            for key in list(own[:limit]):
                with pieces.of(provider_id), transaction.atomic():
                    done += _release(key, actor=Actor.system(SYSTEM, provider_id), at=at)
    return done


def _release(key: int, *, actor: Actor, at: datetime) -> int:
    """Release one if it is still unused now that its row is locked; 1 if it was, else 0."""
    unused = Reservation.objects.unscoped().unused(at)
    locked = unused.select_for_update(no_key=True, of=("self",))
    reservation = locked.filter(pk=key).first()
    if reservation is None:
        return 0  # somebody came, confirmed, moved or called it off in the meantime
    pending = reservation.status == ReservationStatus.PENDING
    to = ReservationStatus.FAILED if pending else ReservationStatus.NO_SHOW
    _move(reservation, to, actor=actor, at=at, reason="nobody came")
    return 1


def _move(
    reservation: Reservation,
    to: str,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    **columns: Any,
) -> Reservation:
    left = RESERVATION_MACHINE.move(reservation, to, actor=actor, at=at, reason=reason, **columns)
    reservation.refresh_from_db()
    reservation_moved.send(
        Reservation, reservation=reservation, from_state=left, to_state=to, actor=actor, at=at
    )
    return reservation
