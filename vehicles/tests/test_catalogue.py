"""The catalogue of vehicle types from a file."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from vehicles.models import VehicleModel

HEAD = (
    "make,model,year,usable_battery_kwh,range_km,consumption_wh_per_km,ac_max_kw,dc_max_kw,inlets"
)


def load(path) -> None:
    call_command("load_vehicle_models", str(path), verbosity=0)


@pytest.mark.django_db
def test_the_shipped_catalogue_loads_twice_to_the_same_rows(capsys):
    call_command("load_vehicle_models")
    first = list(VehicleModel.objects.order_by("id").values_list("id", "make", "model"))
    call_command("load_vehicle_models")
    assert list(VehicleModel.objects.order_by("id").values_list("id", "make", "model")) == first
    assert capsys.readouterr().out == f"{len(first)} vehicle models\n" * 2
    leaf = VehicleModel.objects.get(make="Nissan", model="LEAF")
    assert leaf.inlets == ["CHADEMO", "IEC_62196_T1"]
    assert (leaf.usable_battery_kwh, leaf.dc_max_kw) == (Decimal("40.0"), Decimal("50.0"))


@pytest.mark.django_db
def test_a_corrected_row_changes_its_type(tmp_path):
    file = tmp_path / "models.csv"
    file.write_text(f"{HEAD}\nVolta,City,2025,50,,,11,,IEC_62196_T2\n")
    load(file)
    file.write_text(f"{HEAD}\nVolta,City,2025,48.5,300,,11,,IEC_62196_T2\n")
    load(file)
    model = VehicleModel.objects.get()
    assert (model.usable_battery_kwh, model.range_km) == (Decimal("48.5"), 300)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "line",
    ["Volta,City,year,50,,,11,,", "Volta,City,2025,50,,,11,,PLUG", ",City,2025,50,,,11,,"],
)
def test_a_bad_line_is_named_and_nothing_is_loaded(tmp_path, line):
    file = tmp_path / "models.csv"
    file.write_text(f"{HEAD}\nVolta,Van,2025,50,,,11,,\n{line}\n")
    with pytest.raises(CommandError, match=r"models\.csv:3"):
        load(file)
    assert not VehicleModel.objects.exists()
