"""A vehicle goes from one company to another: each sees only its own interval."""

from datetime import timedelta

import pytest

from fleets import services as fleet_services
from fleets.errors import LimitReached
from fleets.models import AuditEntry, FleetProvider
from vehicles import selectors, services
from vehicles.errors import (
    InvalidTenureStart,
    TransferToSelf,
    VehicleInUse,
    VehicleRetired,
    VinTaken,
)
from vehicles.models import Assignment, Vehicle, VehicleEvent, VehiclePlate, VehicleState
from vehicles.services import StateRow
from vehicles.signals import vehicle_transferred
from voltop import clock
from voltop.errors import NotFound

DAY = timedelta(days=1)


@pytest.fixture
def car(cast) -> Vehicle:
    vehicle = cast.new_vehicle("Cab 1", tenure_starts_at=clock.now() - 10 * DAY)
    return services.update_vehicle(
        vehicle, actor=cast.actor(), plate="OLD1", depot=cast.depot(), at=clock.now() - 9 * DAY
    )


def give(cast, car, **values):
    return services.transfer_vehicle(car, cast.b, actor=cast.actor(), **values)


def test_tenure_plate_and_provider_change_at_one_instant(cast, car):
    at = clock.now()
    given = give(cast, car, at=at)
    assert (given.provider, given.depot, given.label, given.plate) == (
        cast.b,
        None,
        "Cab 1",
        "OLD1",
    )
    start = at - 10 * DAY
    found = selectors.tenure_intervals([car.pk], start - DAY, at + DAY)
    assert [(t.provider_id, t.ends_at) for t in found] == [(cast.a.pk, at), (cast.b.pk, at + DAY)]
    assert selectors.provider_of(car.pk, at - timedelta(microseconds=1)) == cast.a.pk
    assert selectors.provider_of(car.pk, at) == cast.b.pk
    plates = VehiclePlate.objects.order_by("starts_at")
    assert [(p.provider, p.ends_at) for p in plates] == [(cast.a, at), (cast.b, None)]


def test_assignments_end_and_planned_ones_are_called_off(cast, car):
    at = clock.now()
    running = services.assign(
        car, cast.driver, actor=cast.actor(), kind="permanent", starts_at=at - DAY
    )
    planned = services.assign(
        car, cast.other_driver, actor=cast.actor(), kind="temporary", starts_at=at + DAY
    )
    give(cast, car, at=at)
    running.refresh_from_db()
    planned.refresh_from_db()
    assert (running.ends_at, running.cancelled_at) == (at, None)
    assert (planned.ends_at, planned.cancelled_at) == (None, at)
    assert not Assignment.objects.for_provider(cast.b.pk).exists()


def test_the_new_holder_sees_neither_old_values_nor_old_events(cast, car):
    at = clock.now()
    before, after = at - timedelta(hours=1), at + timedelta(hours=1)
    services.merge_states([StateRow(car.pk, before, soc_at=before, soc_pct=77.0)])
    give(cast, car, at=at)
    state = VehicleState.objects.get(vehicle=car)
    assert (state.held_from, state.last_seen_at, state.soc_pct) == (at, None, None)
    services.merge_states([StateRow(car.pk, before, soc_at=before, soc_pct=76.0)])
    state.refresh_from_db()
    assert (state.last_seen_at, state.soc_pct) == (None, None)
    services.merge_states([StateRow(car.pk, after, soc_at=after, soc_pct=50.0)])
    state.refresh_from_db()
    assert (state.last_seen_at, state.soc_pct) == (after, 50.0)
    assert VehicleEvent.objects.for_provider(cast.a.pk).filter(vehicle=car).exists()
    assert not VehicleEvent.objects.for_provider(cast.b.pk).filter(vehicle=car).exists()


def test_both_companies_have_it_in_their_audit_trail(cast, car):
    give(cast, car, reason="sold to Brisa")
    entries = AuditEntry.objects.filter(action__startswith="vehicle.").exclude(
        action="vehicle.changed"
    )
    assert [(e.action, e.provider_id, e.reason) for e in entries.order_by("id")] == [
        ("vehicle.given", cast.a.pk, "sold to Brisa"),
        ("vehicle.received", cast.b.pk, "sold to Brisa"),
    ]


def test_it_is_told_with_both_companies(cast, car):
    heard = []

    def listen(sender, vehicle, from_provider_id, to_provider_id, at, **kwargs):
        heard.append((vehicle.pk, from_provider_id, to_provider_id, at))

    vehicle_transferred.connect(listen)
    at = clock.now()
    try:
        give(cast, car, at=at)
    finally:
        vehicle_transferred.disconnect(listen)
    assert heard == [(car.pk, cast.a.pk, cast.b.pk, at)]


def test_a_label_that_is_taken_there_stays_behind(cast, car):
    cast.new_vehicle("Cab 1", cast.b)
    assert give(cast, car).label == ""


def test_a_car_on_shift_stays(cast, car):
    shift = services.open_shift_assignment(
        driver=cast.driver, vehicle=car, starts_at=clock.now() - DAY, actor=cast.actor()
    )
    with pytest.raises(VehicleInUse) as refused:
        give(cast, car)
    assert refused.value.extra == {"driver": cast.driver.pk, "assignment": shift.pk}
    services.take_out_of_service(car, actor=cast.actor(), reason="crash")
    with pytest.raises(VehicleInUse):
        services.retire_vehicle(car, actor=cast.actor(), reason="total loss")
    assert Vehicle.objects.get(pk=car.pk).status == "out_of_service"
    services.close_shift_assignment(shift, ends_at=clock.now(), actor=cast.actor())
    assert give(cast, car).provider == cast.b


def test_the_receiver_must_have_room_and_the_number_free(cast, car):
    twin = services.register_vehicle(
        cast.b, actor=cast.actor(cast.b), vin=car.vin, model=cast.vehicle_model
    )
    with pytest.raises(VinTaken):
        give(cast, car)
    services.take_out_of_service(twin, actor=cast.actor(cast.b), reason="x")
    FleetProvider.objects.filter(pk=cast.b.pk).update(max_vehicles=0)
    with pytest.raises(LimitReached):
        give(cast, car)
    assert Vehicle.objects.get(pk=car.pk).provider == cast.a


def test_who_has_given_a_car_away_gives_it_to_nobody_else(cast, car):
    stale = Vehicle.objects.get(pk=car.pk)
    give(cast, car)
    third = fleet_services.create_provider(
        actor=cast.platform, name="Cyan", country="MX", currency="MXN", time_zone="UTC"
    )
    with pytest.raises(NotFound):
        services.transfer_vehicle(stale, third, actor=cast.actor())
    with pytest.raises(NotFound):
        services.transfer_vehicle(car, third, actor=cast.actor())
    with pytest.raises(NotFound):
        services.update_vehicle(stale, actor=cast.actor(), label="Still mine")


def test_to_oneself_before_its_tenure_or_after_its_end_there_is_no_transfer(cast, car):
    with pytest.raises(TransferToSelf):
        services.transfer_vehicle(car, cast.a, actor=cast.actor())
    with pytest.raises(InvalidTenureStart):
        give(cast, car, at=clock.now() - 11 * DAY)
    services.take_out_of_service(car, actor=cast.actor(), reason="old")
    services.retire_vehicle(car, actor=cast.actor(), reason="scrapped")
    with pytest.raises(VehicleRetired):
        give(cast, car)
