"""Query parameters of shifts' lists."""

from shifts.models import EntryKind, ProposalState, ShiftStatus
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    DateFilter,
    FilterSet,
    IdFilter,
    InstantFilter,
    TextFilter,
)


class ShiftFilter(FilterSet):
    status = ChoiceFilter(choices=ShiftStatus)
    driver = IdFilter("driver_id")
    depot = IdFilter("depot_id")
    date_from = DateFilter("business_date", "gte")
    date_to = DateFilter("business_date", "lt")
    starts_from = InstantFilter("starts_at", "gte")
    starts_to = InstantFilter("starts_at", "lt")
    marked_for_review = BooleanFilter()


class ShiftMetricsFilter(FilterSet):
    shift = IdFilter("shift_id")
    driver = IdFilter("shift__driver_id")
    date_from = DateFilter("shift__business_date", "gte")
    date_to = DateFilter("shift__business_date", "lt")


class ProposalFilter(FilterSet):
    state = ChoiceFilter(choices=ProposalState)
    vehicle = IdFilter("vehicle_id")
    driver = IdFilter("driver_id")
    without_driver = BooleanFilter("driver_id", "isnull")
    date_from = DateFilter("business_date", "gte")
    date_to = DateFilter("business_date", "lt")


class PlatformDriverFilter(FilterSet):
    account = IdFilter("account_id")
    driver = IdFilter("driver_id")
    external_id = TextFilter()


class PlatformEntryFilter(FilterSet):
    account = IdFilter("account_id")
    driver = IdFilter("driver_id")
    shift = IdFilter("shift_id")
    kind = ChoiceFilter(choices=EntryKind)
    external_id = TextFilter()
    unattached = BooleanFilter("shift_id", "isnull")
    date_from = DateFilter("business_date", "gte")
    date_to = DateFilter("business_date", "lt")
