"""What the database refuses even when no service asks first."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from vehicles.models import Assignment, Vehicle, VehicleModel, VehiclePlate, VehicleTenure
from voltop import clock

HOUR = timedelta(hours=1)
KINDS = ["permanent", "temporary", "shift"]


def refused(table, **values) -> str:
    """The name of the constraint that an insert breaks."""
    with pytest.raises(IntegrityError) as broken, transaction.atomic():
        table.objects.create(**values)
    return str(broken.value.__cause__.diag.constraint_name)


def assignment(cast, **values):
    given = {
        "provider": cast.a,
        "vehicle": cast.vehicle,
        "driver": cast.driver,
        "kind": "permanent",
        "starts_at": clock.now(),
    }
    return given | values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", [None, HOUR])
def test_one_driver_per_car_and_one_car_per_driver_of_a_kind(cast, kind, ends):
    now = clock.now()
    period = {"kind": kind, "starts_at": now, "ends_at": ends and now + ends}
    Assignment.objects.create(**assignment(cast, **period))
    inside = period | {"starts_at": now + HOUR / 2}
    other_driver = assignment(cast, driver=cast.other_driver, **inside)
    assert refused(Assignment, **other_driver) == f"vehicles_{kind}_one_vehicle"
    other_car = assignment(cast, vehicle=cast.other_vehicle, **inside)
    assert refused(Assignment, **other_car) == f"vehicles_{kind}_one_driver"


def test_the_kinds_do_not_block_one_another_nor_does_what_was_called_off(cast):
    for kind in KINDS:
        Assignment.objects.create(**assignment(cast, kind=kind))
    Assignment.objects.update(cancelled_at=clock.now())
    for kind in KINDS:
        Assignment.objects.create(**assignment(cast, kind=kind))
    assert Assignment.objects.count() == 6


def test_periods_go_forward_and_kinds_are_known(cast):
    now = clock.now()
    backwards = {"starts_at": now, "ends_at": now}
    assert refused(Assignment, **assignment(cast, **backwards)) == "vehicles_assignment_forward"
    assert refused(Assignment, **assignment(cast, kind="loan")) == "vehicles_assignment_kind_known"
    own = {"provider": cast.a, "vehicle": cast.vehicle}
    VehicleTenure.objects.all().delete()
    assert refused(VehicleTenure, **own, **backwards) == "vehicles_tenure_forward"
    assert refused(VehiclePlate, plate="A", **own, **backwards) == "vehicles_plate_forward"


def test_a_car_is_nobodys_twice_and_bears_one_plate(cast):
    own = {"provider": cast.b, "vehicle": cast.vehicle, "starts_at": clock.now() + HOUR}
    assert refused(VehicleTenure, **own) == "vehicles_tenure_no_overlap"
    VehiclePlate.objects.create(**own, plate="A1")
    assert refused(VehiclePlate, **own, plate="B2") == "vehicles_plate_no_overlap"


def vehicle(cast, **values):
    given = {"provider": cast.a, "model": cast.vehicle_model, "vin": "WVWZZZE1ZP7777777"}
    return given | values


def test_names_are_unique_among_standing_vehicles_and_a_number_has_its_form(cast):
    Vehicle.objects.create(**vehicle(cast, plate="A1", label="One"))
    other = "WVWZZZE1ZP8888888"
    assert refused(Vehicle, **vehicle(cast)) == "vehicles_vehicle_vin_unique"
    assert refused(Vehicle, **vehicle(cast, vin=other, plate="A1")).endswith("plate_unique")
    assert refused(Vehicle, **vehicle(cast, vin=other, label="One")).endswith("label_unique")
    assert refused(Vehicle, **vehicle(cast, vin="SHORT")) == "vehicles_vehicle_vin_form"
    assert refused(Vehicle, **vehicle(cast, vin=other, status="lost")).endswith("status_known")
    Vehicle.objects.update(status="retired")
    assert Vehicle.objects.create(**vehicle(cast, plate="A1", label="One")).pk


def test_the_catalogue_holds_known_inlets_and_sane_figures_once(cast):
    given = {"make": "A", "model": "B", "year": 2025, "usable_battery_kwh": 50, "ac_max_kw": 11}
    assert refused(VehicleModel, **given, inlets=["PLUG"]) == "vehicles_model_inlets_known"
    zero = given | {"usable_battery_kwh": 0}
    assert refused(VehicleModel, **zero) == "vehicles_model_figures"
    VehicleModel.objects.create(**given, inlets=["CHADEMO"])
    assert refused(VehicleModel, **given) == "vehicles_model_once_a_year"
