"""Registering and changing vehicles, and the plates they bear over time."""

from datetime import timedelta

import pytest

from fleets import services as fleet_services
from fleets.errors import LimitReached, ProviderNotActive
from fleets.models import AuditEntry, FleetProvider
from vehicles import selectors, services
from vehicles.errors import (
    InvalidTenureStart,
    LabelTaken,
    PlateTaken,
    VehicleNotInService,
    VehicleRetired,
    VinTaken,
)
from vehicles.models import Vehicle, VehiclePlate, VehicleState, VehicleTenure
from voltop import clock
from voltop.errors import NotFound

VIN = "WVWZZZE1ZP9000001"


def register(cast, provider=None, **values):
    provider = provider or cast.a
    values = {"vin": VIN, "model": cast.vehicle_model} | values
    return services.register_vehicle(provider, actor=cast.actor(provider), **values)


def test_a_new_vehicle_is_in_service_held_plated_and_unseen(cast):
    since = clock.now() - timedelta(days=400)
    vehicle = register(cast, plate="abc 123", label="Cab 1", tenure_starts_at=since)
    assert (vehicle.status, vehicle.plate, vehicle.label) == ("in_service", "ABC123", "Cab 1")
    assert [(e.from_state, e.to_state) for e in vehicle.events.all()] == [("", "in_service")]
    tenure = VehicleTenure.objects.get(vehicle=vehicle)
    assert (tenure.provider, tenure.starts_at, tenure.ends_at) == (cast.a, since, None)
    plate = VehiclePlate.objects.get(vehicle=vehicle)
    assert (plate.plate, plate.starts_at, plate.ends_at) == ("ABC123", since, None)
    state = VehicleState.objects.get(vehicle=vehicle)
    assert (state.held_from, state.last_seen_at, state.soc_pct) == (since, None, None)


def test_a_tenure_does_not_begin_in_the_future(cast):
    with pytest.raises(InvalidTenureStart):
        register(cast, tenure_starts_at=clock.now() + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, VinTaken),
        ({"vin": "WVWZZZE1ZP9000002", "plate": "AB-12"}, PlateTaken),
        ({"vin": "WVWZZZE1ZP9000002", "label": "One"}, LabelTaken),
    ],
)
def test_a_name_belongs_to_one_vehicle_of_the_company_that_is_not_retired(cast, values, error):
    first = register(cast, plate="AB 12", label="One")
    with pytest.raises(error) as refused:
        register(cast, **values)
    assert refused.value.extra == {"vehicle": first.pk}
    assert register(cast, cast.b, plate="AB12", label="One").pk
    services.take_out_of_service(first, actor=cast.actor(), reason="old")
    services.retire_vehicle(first, actor=cast.actor(), reason="sold")
    assert register(cast, plate="AB12", label="One").pk


def test_the_limit_of_vehicles_holds_and_does_not_count_retired_ones(cast):
    FleetProvider.objects.filter(pk=cast.a.pk).update(max_vehicles=1)
    first = register(cast)
    with pytest.raises(LimitReached) as refused:
        register(cast, vin="WVWZZZE1ZP9000002")
    assert refused.value.extra == {"limit": "max_vehicles", "allowed": 1}
    services.take_out_of_service(first, actor=cast.actor(), reason="old")
    services.retire_vehicle(first, actor=cast.actor(), reason="sold")
    assert register(cast, vin="WVWZZZE1ZP9000002").pk


def test_a_suspended_provider_registers_nothing(cast):
    cast.owner, cast.vehicle_model  # noqa: B018 (the scene needs both before the suspension)
    fleet_services.suspend_provider(cast.a, actor=cast.platform, reason="unpaid")
    with pytest.raises(ProviderNotActive):
        register(cast)


def test_another_providers_depot_does_not_exist(cast):
    with pytest.raises(NotFound):
        register(cast, depot=cast.depot(cast.b))
    vehicle = register(cast)
    with pytest.raises(NotFound):
        services.update_vehicle(vehicle, actor=cast.actor(), depot=cast.depot(cast.b, "Two"))


def test_a_new_plate_ends_the_old_one_at_the_same_instant(cast):
    start = clock.now() - timedelta(days=9)
    vehicle = register(cast, plate="OLD1", tenure_starts_at=start)
    at = clock.now()
    changed = services.update_vehicle(vehicle, actor=cast.actor(), plate="new 2", at=at)
    assert changed.plate == "NEW2"
    rows = VehiclePlate.objects.filter(vehicle=vehicle).order_by("starts_at")
    assert [(p.plate, p.starts_at, p.ends_at) for p in rows] == [
        ("OLD1", start, at),
        ("NEW2", at, None),
    ]
    services.update_vehicle(changed, actor=cast.actor(), plate="")
    assert not VehiclePlate.objects.open().filter(vehicle=vehicle).exists()


def test_a_change_is_audited_and_a_change_of_nothing_writes_nothing(cast):
    depot = cast.depot()
    vehicle = register(cast, label="One")
    changed = services.update_vehicle(vehicle, actor=cast.actor(), label="Two", depot=depot)
    assert changed.row_version == vehicle.row_version + 1
    entry = AuditEntry.objects.get(action="vehicle.changed")
    assert entry.changes == {"label": ["One", "Two"], "depot": [None, depot.pk]}
    same = services.update_vehicle(changed, actor=cast.actor(), label="Two")
    assert same.row_version == changed.row_version
    assert AuditEntry.objects.filter(action="vehicle.changed").count() == 1


def test_another_providers_actor_changes_nothing(cast):
    vehicle = register(cast, label="One")
    with pytest.raises(NotFound):
        services.update_vehicle(vehicle, actor=cast.actor(cast.b), label="Mine")
    with pytest.raises(NotFound):
        services.take_out_of_service(vehicle, actor=cast.actor(cast.b), reason="mine")
    assert Vehicle.objects.get(pk=vehicle.pk).label == "One"


def test_a_retired_vehicle_keeps_its_history_and_takes_nothing_new(cast):
    vehicle = register(cast, plate="OLD1", tenure_starts_at=clock.now() - timedelta(days=1))
    services.take_out_of_service(vehicle, actor=cast.actor(), reason="old")
    at = clock.now()
    retired = services.retire_vehicle(vehicle, actor=cast.actor(), reason="sold", at=at)
    assert VehicleTenure.objects.get(vehicle=vehicle).ends_at == at
    assert VehiclePlate.objects.get(vehicle=vehicle).ends_at == at
    assert selectors.provider_of(vehicle.pk, at - timedelta(seconds=1)) == cast.a.pk
    assert selectors.provider_of(vehicle.pk, at) is None
    with pytest.raises(VehicleRetired):
        services.update_vehicle(retired, actor=cast.actor(), label="Ghost")
    with pytest.raises(VehicleRetired):
        services.require_in_service(retired)


def test_only_a_vehicle_in_service_starts_something(cast):
    services.require_in_service(cast.vehicle)
    broken = services.send_to_maintenance(cast.vehicle, actor=cast.actor(), reason="tyres")
    with pytest.raises(VehicleNotInService) as refused:
        services.require_in_service(broken)
    assert refused.value.extra == {"vehicle": broken.pk, "status": "maintenance"}


def test_vehicles_that_stand_block_the_closing_of_a_provider(cast):
    assert selectors.blockers_of_provider(cast.a) == []
    vehicle = register(cast)
    assert selectors.blockers_of_provider(cast.a) == [{"code": "vehicles_standing", "count": 1}]
    services.take_out_of_service(vehicle, actor=cast.actor(), reason="old")
    services.retire_vehicle(vehicle, actor=cast.actor(), reason="sold")
    assert selectors.blockers_of_provider(cast.a) == []
