"""Query parameters of drivers' lists."""

from drivers.models import (
    DocumentStatus,
    DriverStatus,
    EngagementKind,
    FaceResult,
    PayoutAccountKind,
)
from fleets.models import DriverPaper
from fleets.records import RefFilter
from voltop.api.filters import BooleanFilter, ChoiceFilter, FilterSet, IdFilter, TextFilter


class DriverFilter(FilterSet):
    status = ChoiceFilter(choices=DriverStatus)
    depot = IdFilter("depot_id")
    employee_number = TextFilter()
    ref = RefFilter()


class EngagementFilter(FilterSet):
    driver = IdFilter("driver_id")
    kind = ChoiceFilter(choices=EngagementKind)


class PayoutAccountFilter(FilterSet):
    driver = IdFilter("driver_id")
    kind = ChoiceFilter(choices=PayoutAccountKind)
    retired = BooleanFilter("retired_at", "isnull", exclude=True)


class OwnDocumentFilter(FilterSet):
    kind = ChoiceFilter(choices=DriverPaper)
    status = ChoiceFilter(choices=DocumentStatus)


class DocumentFilter(OwnDocumentFilter):
    driver = IdFilter("driver_id")


class OwnFaceCheckFilter(FilterSet):
    result = ChoiceFilter(choices=FaceResult)


class FaceCheckFilter(OwnFaceCheckFilter):
    driver = IdFilter("driver_id")
