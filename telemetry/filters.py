"""Query parameters of telemetry's lists."""

from typing import Any

from django.db.models import QuerySet

from voltop.api.filters import BooleanFilter, FilterSet, IdFilter, InstantFilter, TextFilter


class DeviceFilter(FilterSet):
    source = IdFilter("source_id")
    external_id = TextFilter()


class FittingFilter(FilterSet):
    vehicle = IdFilter("vehicle_id")
    device = IdFilter("device_id")
    open = BooleanFilter("ends_at", "isnull")


class PeriodFilter(FilterSet):
    """Rows that began in [starts_from, starts_to)."""

    vehicle = IdFilter("vehicle_id")
    driver = IdFilter("driver_id")
    starts_from = InstantFilter("starts_at", "gte")
    starts_to = InstantFilter("starts_at", "lt")
    has_driver = BooleanFilter(method="filter_has_driver")

    def filter_has_driver(self, rows: QuerySet[Any], name: str, wanted: bool) -> QuerySet[Any]:
        return rows.filter(driver__isnull=not wanted)
