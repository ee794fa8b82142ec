"""Query parameters of vehicles' lists."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field

from fleets.records import RefFilter
from vehicles.models import Activity, AssignmentKind, VehicleStatus
from voltop.api import errors
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    DateFilter,
    FilterSet,
    IdFilter,
    InstantFilter,
    IntegerFilter,
    TextFilter,
)
from voltop.geo import BoundingBox


@extend_schema_field(
    {
        "type": "string",
        "maxLength": 100,
        "description": "south,west,north,east in degrees; west > east crosses the antimeridian.",
        "example": "32.4,-117.2,32.6,-116.8",
    }
)
class BoxFilter(TextFilter):
    """Rows whose last known position lies in a box, edges included."""

    def parse(self, text: str) -> Any:
        try:
            south, west, north, east = (float(part) for part in text.split(","))
        except ValueError as error:
            raise errors.InvalidNumber() from error
        if not (-90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180):
            raise errors.OutOfRange()
        return BoundingBox(south, west, north, east)

    def filter(self, rows: QuerySet[Any], box: BoundingBox | None) -> QuerySet[Any]:
        if box is None:
            return rows
        either = Q()
        for west, east in box.longitudes():
            either |= Q(longitude__gte=west, longitude__lte=east)
        return rows.filter(either, latitude__gte=box.south, latitude__lte=box.north)


class VehicleModelFilter(FilterSet):
    make = TextFilter()
    year = IntegerFilter()


class VehicleFilter(FilterSet):
    status = ChoiceFilter(choices=VehicleStatus)
    depot = IdFilter("depot_id")
    model = IdFilter("model_id")
    vin = TextFilter()
    plate = TextFilter()
    label = TextFilter()
    ref = RefFilter()


class LiveVehicleFilter(FilterSet):
    """soc_below in percent; seen_since: heard of at or after, silent_since: not heard of since."""

    status = ChoiceFilter("vehicle__status", choices=VehicleStatus)
    depot = IdFilter("vehicle__depot_id")
    activity = ChoiceFilter(choices=Activity)
    soc_below = IntegerFilter("soc_pct", "lt")
    box = BoxFilter()
    seen_since = InstantFilter("last_seen_at", "gte")
    silent_since = InstantFilter(method="filter_silent")

    def filter_silent(self, rows: QuerySet[Any], name: str, at: datetime) -> QuerySet[Any]:
        return rows.filter(Q(last_seen_at__lt=at) | Q(last_seen_at__isnull=True))


class VehicleDayFilter(FilterSet):
    """Days in [on_from, on_to)."""

    on_from = DateFilter("on", "gte")
    on_to = DateFilter("on", "lt")


class TenureFilter(FilterSet):
    vehicle = IdFilter("vehicle_id")
    open = BooleanFilter("ends_at", "isnull")


class AssignmentFilter(FilterSet):
    """`at`: those that stand at that instant; cancelled ones only where asked for."""

    vehicle = IdFilter("vehicle_id")
    driver = IdFilter("driver_id")
    kind = ChoiceFilter(choices=AssignmentKind)
    cancelled = BooleanFilter("cancelled_at", "isnull", exclude=True)
    at = InstantFilter(method="filter_at")

    def filter_at(self, rows: Any, name: str, at: datetime) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.at(at)
        return found
