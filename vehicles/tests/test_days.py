"""Days are written as a set, rewritten when figures change, and add up."""

from datetime import date
from decimal import Decimal

import pytest

from vehicles import services
from vehicles.models import VehicleDay
from vehicles.services import DayRow

DAY = date(2026, 3, 29)


def row(car, **values) -> DayRow:
    figures = {
        "provider_id": car.provider_id,
        "vehicle_id": car.pk,
        "on": DAY,
        "time_zone": "Europe/Berlin",
        "day_s": 82_800,
        "km": Decimal("120.123456"),
        "gap_km": Decimal("4.5"),
        "paid_km": Decimal("80.000001"),
        "driving_s": 9000,
        "idle_s": 1800,
        "charging_s": 3600,
        "offline_s": 600,
        "paid_s": 8280,
        "covered_s": 82_800,
        "used_wh": 18_018,
        "charged_wh": None,
        "soc_min_pct": Decimal("20.5"),
        "soc_max_pct": None,
        "trips": 12,
        "samples": 900,
    }
    return DayRow(**(figures | values))


def test_a_day_is_written_as_told_with_its_ratios(cast):
    services.record_days([row(cast.vehicle)])
    day = VehicleDay.objects.for_provider(cast.a.pk).get()
    assert {name: getattr(day, name) for name in DayRow._fields} == row(cast.vehicle)._asdict()
    assert day.empty_km == Decimal("44.623455")
    assert day.wh_per_km == Decimal("150.0")
    assert day.utilisation_pct == Decimal("10.0")
    assert day.coverage_pct == Decimal("100.0")


def test_a_day_told_again_is_not_touched_and_a_corrected_one_is_rewritten(cast):
    services.record_days([row(cast.vehicle), row(cast.other_vehicle)])
    services.record_days([row(cast.vehicle), row(cast.other_vehicle, km=Decimal(1))])
    days = VehicleDay.objects.order_by("vehicle_id")
    assert [(day.km, day.row_version) for day in days] == [
        (Decimal("120.123456"), 1),
        (Decimal(1), 2),
    ]


def test_the_day_of_a_transfer_belongs_to_both_companies_each_its_part(cast):
    services.record_days(
        [row(cast.vehicle), row(cast.vehicle, provider_id=cast.b.pk, km=Decimal(7))]
    )
    assert VehicleDay.objects.for_provider(cast.a.pk).get().km == Decimal("120.123456")
    assert VehicleDay.objects.for_provider(cast.b.pk).get().km == Decimal(7)


@pytest.mark.parametrize("values", [{"used_wh": None}, {"km": Decimal(0)}])
def test_a_ratio_of_nothing_is_unknown(cast, values):
    services.record_days([row(cast.vehicle, **values)])
    assert VehicleDay.objects.get().wh_per_km is None


def test_no_rows_are_no_work(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        services.record_days([])
