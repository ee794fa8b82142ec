"""A vehicle's life: in service, in maintenance, out of service, retired; and its plates."""

from datetime import datetime
from typing import Any

from django.db import transaction

from fleets import audit
from fleets.models import Depot, FleetProvider
from fleets.services import require_room
from vehicles.errors import (
    InvalidTenureStart,
    LabelTaken,
    PlateTaken,
    VehicleNotInService,
    VehicleRetired,
    VinTaken,
)
from vehicles.models import (
    VEHICLE_MACHINE,
    Vehicle,
    VehicleModel,
    VehiclePlate,
    VehicleState,
    VehicleStatus,
    VehicleTenure,
)
from vehicles.services.parts import call_off_assignments, lock_vehicles, require_not_in_use
from vehicles.signals import vehicle_moved
from vehicles.vins import canonical_plate, canonical_vin
from voltop import clock, events
from voltop.context import Actor
from voltop.errors import given_reason

CHANGEABLE = {"vin", "plate", "label", "model", "depot"}


@transaction.atomic
def register_vehicle(
    provider: FleetProvider,
    *,
    actor: Actor,
    vin: str,
    model: VehicleModel,
    plate: str = "",
    label: str = "",
    depot: Depot | None = None,
    tenure_starts_at: datetime | None = None,
    at: datetime | None = None,
) -> Vehicle:
    """A new vehicle, in service, held by the provider from `tenure_starts_at` (default: now).

    Raises InvalidVin, InvalidPlate, InvalidTenureStart (400), ProviderNotActive, LimitReached,
    VinTaken, PlateTaken, LabelTaken (409).
    """
    at = at or clock.now()
    actor.require_same_provider(provider, *([depot] if depot else ()))
    starts_at = tenure_starts_at or at
    if starts_at > at:
        raise InvalidTenureStart(field="tenure_starts_at")
    values = _checked({"vin": vin, "plate": plate, "label": label, "depot": depot})
    own = Vehicle.objects.for_provider(provider.pk)
    require_room(provider.pk, "max_vehicles", own.standing())
    require_free_names(provider.pk, values)
    vehicle = Vehicle.objects.create(provider=provider, model=model, **values)
    VehicleTenure.objects.create(provider=provider, vehicle=vehicle, starts_at=starts_at)
    VehicleState.objects.create(vehicle=vehicle, held_from=starts_at)
    _put_on_plate(vehicle, starts_at)
    VEHICLE_MACHINE.open(vehicle, actor=actor, at=at)
    vehicle.refresh_from_db()
    return vehicle


@transaction.atomic
def update_vehicle(
    vehicle: Vehicle, *, actor: Actor, at: datetime | None = None, **values: Any
) -> Vehicle:
    """Change a vehicle's record; a new plate is borne from now on, the old one stays known.

    Raises InvalidVin, InvalidPlate (400), VehicleRetired, VinTaken, PlateTaken, LabelTaken (409).
    """
    at = at or clock.now()
    actor.require_same_provider(*filter(None, (vehicle, values.get("depot"))))
    values = _checked(values)
    [vehicle] = lock_vehicles([vehicle.pk])
    actor.require_same_provider(vehicle)
    if vehicle.status == VehicleStatus.RETIRED:
        raise VehicleRetired()
    require_free_names(vehicle.provider_id, values, but=vehicle.pk)
    changes = audit.diff(vehicle, values)
    if changes:
        Vehicle.objects.filter(pk=vehicle.pk).update(**values)
        audit.record("vehicle.changed", vehicle, actor=actor, at=at, changes=changes)
        vehicle.refresh_from_db()
        events.publish_change(vehicle, "vehicle.updated", actor=actor, at=at, changed=changes)
    if "plate" in changes:
        _take_off_plate(vehicle, at)
        _put_on_plate(vehicle, at)
    return vehicle


def send_to_maintenance(
    vehicle: Vehicle, *, actor: Actor, reason: str, at: datetime | None = None
) -> Vehicle:
    """In service or out of service → in maintenance. Raises ReasonRequired (400)."""
    return _move(
        vehicle, VehicleStatus.MAINTENANCE, actor=actor, reason=given_reason(reason), at=at
    )


def take_out_of_service(
    vehicle: Vehicle, *, actor: Actor, reason: str, at: datetime | None = None
) -> Vehicle:
    """In service or in maintenance → out of service: nothing new is started with it.

    Whoever has it keeps it until the shift changes cars. Raises ReasonRequired (400).
    """
    return _move(
        vehicle, VehicleStatus.OUT_OF_SERVICE, actor=actor, reason=given_reason(reason), at=at
    )


def return_to_service(
    vehicle: Vehicle, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Vehicle:
    """In maintenance or out of service → in service."""
    return _move(vehicle, VehicleStatus.IN_SERVICE, actor=actor, reason=reason.strip(), at=at)


@transaction.atomic
def retire_vehicle(
    vehicle: Vehicle, *, actor: Actor, reason: str, at: datetime | None = None
) -> Vehicle:
    """Out of service → retired: assignments, plate and tenure end; the history stays.

    Raises ReasonRequired (400), VehicleInUse (409) while a driver has it on shift.
    """
    at = at or clock.now()
    vehicle = _move(vehicle, VehicleStatus.RETIRED, actor=actor, reason=given_reason(reason), at=at)
    require_not_in_use(vehicle)
    call_off_assignments(vehicle, actor=actor, at=at)
    _take_off_plate(vehicle, at)
    tenures = VehicleTenure.objects.for_provider(vehicle.provider_id).filter(vehicle=vehicle)
    tenures.open().update(ends_at=at)
    return vehicle


def require_in_service(vehicle: Vehicle) -> None:
    """Guard of every service that starts something with a vehicle.

    Raises VehicleRetired, VehicleNotInService (409).
    """
    if vehicle.status == VehicleStatus.RETIRED:
        raise VehicleRetired(vehicle=vehicle.pk)
    if vehicle.status != VehicleStatus.IN_SERVICE:
        raise VehicleNotInService(vehicle=vehicle.pk, status=vehicle.status)


def require_free_names(provider_id: int, values: dict[str, Any], *, but: int | None = None) -> None:
    """Named errors for what the unique constraints would refuse.

    Raises VinTaken, PlateTaken, LabelTaken (409) with the vehicle that has the name.
    """
    standing = Vehicle.objects.for_provider(provider_id).standing().exclude(pk=but or 0)
    for field, error in (("vin", VinTaken), ("plate", PlateTaken), ("label", LabelTaken)):
        if not values.get(field):
            continue
        if known := standing.filter(**{field: values[field]}).first():
            raise error(field=field, vehicle=known.pk)


@transaction.atomic
def _move(vehicle: Vehicle, to: str, *, actor: Actor, reason: str, at: datetime | None) -> Vehicle:
    at = at or clock.now()
    actor.require_same_provider(vehicle)
    left = VEHICLE_MACHINE.move(vehicle, to, actor=actor, at=at, reason=reason)
    vehicle.refresh_from_db()
    vehicle_moved.send(Vehicle, vehicle=vehicle, from_state=left, to_state=to, actor=actor, at=at)
    return vehicle


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """Values in canonical form; raises InvalidVin, InvalidPlate (400)."""
    if unknown := values.keys() - CHANGEABLE:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    if "vin" in values:
        values["vin"] = canonical_vin(values["vin"])
    if "plate" in values:
        values["plate"] = canonical_plate(values["plate"])
    if "label" in values:
        values["label"] = values["label"].strip()
    return values


def _put_on_plate(vehicle: Vehicle, starts_at: datetime) -> None:
    if vehicle.plate:
        VehiclePlate.objects.create(
            provider_id=vehicle.provider_id,
            vehicle=vehicle,
            plate=vehicle.plate,
            starts_at=starts_at,
        )


def _take_off_plate(vehicle: Vehicle, at: datetime) -> None:
    VehiclePlate.objects.unscoped().filter(vehicle=vehicle).open().update(ends_at=at)
