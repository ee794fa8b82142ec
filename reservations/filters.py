"""Query parameters of reservations' lists."""

from fleets.records import RefFilter
from reservations.models import EvseStatus, ReservationKind, ReservationStatus
from voltop.api.filters import BooleanFilter, ChoiceFilter, FilterSet, IdFilter, InstantFilter


class StationFilter(FilterSet):
    depot = IdFilter("depot_id")
    bookable = BooleanFilter()
    retired = BooleanFilter("retired_at", "isnull", exclude=True)
    ref = RefFilter()


class EvseFilter(FilterSet):
    station = IdFilter("station_id")
    status = ChoiceFilter(choices=EvseStatus)


class ConnectorFilter(FilterSet):
    evse = IdFilter("evse_id")
    station = IdFilter("evse__station_id")


class ReservationFilter(FilterSet):
    station = IdFilter("station_id")
    evse = IdFilter("evse_id")
    vehicle = IdFilter("vehicle_id")
    driver = IdFilter("driver_id")
    status = ChoiceFilter(choices=ReservationStatus)
    kind = ChoiceFilter(choices=ReservationKind)
    starts_from = InstantFilter("starts_at", "gte")
    starts_to = InstantFilter("starts_at", "lt")


class SessionFilter(FilterSet):
    station = IdFilter("station_id")
    evse = IdFilter("evse_id")
    vehicle = IdFilter("vehicle_id")
    driver = IdFilter("driver_id")
    starts_from = InstantFilter("starts_at", "gte")
    starts_to = InstantFilter("starts_at", "lt")
