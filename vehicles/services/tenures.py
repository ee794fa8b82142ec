"""Tenures: handing a vehicle from one company to another."""

from datetime import datetime

from django.db import transaction

from fleets import audit
from fleets.errors import SandboxApart
from fleets.models import FleetProvider
from fleets.services import require_room
from vehicles.errors import InvalidTenureStart, LabelTaken, TransferToSelf, VehicleRetired
from vehicles.models import Vehicle, VehiclePlate, VehicleState, VehicleStatus, VehicleTenure
from vehicles.services.parts import call_off_assignments, lock_vehicles, require_not_in_use
from vehicles.services.vehicles import require_free_names
from vehicles.signals import vehicle_transferred
from voltop import clock, events
from voltop.context import Actor
from voltop.errors import NotFound


@transaction.atomic
def transfer_vehicle(
    vehicle: Vehicle,
    to: FleetProvider,
    *,
    actor: Actor,
    reason: str = "",
    at: datetime | None = None,
) -> Vehicle:
    """Another company holds the vehicle from now on; each sees only its own interval.

    Tenure, plate and assignments end at one instant; the vehicle arrives without depot, label (if
    taken there) and without the values that were measured before. Higher floors move theirs on
    `vehicle_transferred`. That the actor may act for both companies is the caller's to check.
    Raises TransferToSelf, InvalidTenureStart (400), VehicleRetired, VehicleInUse, LimitReached,
    ProviderNotActive, VinTaken, PlateTaken, SandboxApart (409).
    """
    at = at or clock.now()
    actor.require_same_provider(vehicle)
    giver_id = vehicle.provider_id
    if to.pk == giver_id:
        raise TransferToSelf(field="provider")
    if to.is_sandbox or vehicle.provider.is_sandbox:
        raise SandboxApart()
    require_room(to.pk, "max_vehicles", Vehicle.objects.for_provider(to.pk).standing())
    [vehicle] = lock_vehicles([vehicle.pk])
    if vehicle.provider_id != giver_id:
        raise NotFound()
    if vehicle.status == VehicleStatus.RETIRED:
        raise VehicleRetired()
    require_not_in_use(vehicle)
    require_free_names(to.pk, {"vin": vehicle.vin, "plate": vehicle.plate})
    call_off_assignments(vehicle, actor=actor, at=at)
    _change_hands(vehicle, to, at)
    changes = {"provider": (giver_id, to.pk)}
    audit.record("vehicle.given", vehicle, actor=actor, at=at, changes=changes, reason=reason)
    Vehicle.objects.unscoped().filter(pk=vehicle.pk).update(
        provider=to, depot=None, label=_free_label(to.pk, vehicle.label)
    )
    vehicle.refresh_from_db()
    audit.record("vehicle.received", vehicle, actor=actor, at=at, changes=changes, reason=reason)
    _tell_both(vehicle, giver_id, to.pk, actor=actor, at=at)
    vehicle_transferred.send(
        Vehicle,
        vehicle=vehicle,
        from_provider_id=giver_id,
        to_provider_id=to.pk,
        actor=actor,
        at=at,
    )
    return vehicle


def _tell_both(
    vehicle: Vehicle, giver_id: int, taker_id: int, *, actor: Actor, at: datetime
) -> None:
    """Each company's feed tells its own side, and nothing of the other company."""
    for kind, provider_id in (("vehicle.given", giver_id), ("vehicle.received", taker_id)):
        news = events.Happening(kind, vehicle.pk, vehicle.row_version, ("provider",))
        events.publish(news, provider_id=provider_id, actor=actor, at=at)


def _change_hands(vehicle: Vehicle, to: FleetProvider, at: datetime) -> None:
    """The dated rows: tenure, plate, and the newest values, which begin anew."""
    tenures = VehicleTenure.objects.unscoped().filter(vehicle=vehicle)
    if not tenures.open().filter(starts_at__lt=at).update(ends_at=at):
        raise InvalidTenureStart()
    VehicleTenure.objects.create(provider=to, vehicle=vehicle, starts_at=at)
    plates = VehiclePlate.objects.unscoped().filter(vehicle=vehicle)
    if plates.open().update(ends_at=at):
        VehiclePlate.objects.create(provider=to, vehicle=vehicle, plate=vehicle.plate, starts_at=at)
    kept = {"vehicle", "created_at", "updated_at", "row_version"}
    unknown = {f.name: None for f in VehicleState._meta.fields if f.name not in kept}
    VehicleState.objects.unscoped().filter(vehicle=vehicle).update(**{**unknown, "held_from": at})


def _free_label(provider_id: int, label: str) -> str:
    try:
        require_free_names(provider_id, {"label": label})
    except LabelTaken:
        return ""
    return label
