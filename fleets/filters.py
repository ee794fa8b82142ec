"""Query parameters of fleets' lists."""

from fleets.models import FleetProviderStatus, Role
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    FilterSet,
    IdFilter,
    InstantFilter,
    SequenceFilter,
    TextFilter,
)


class ProviderFilter(FilterSet):
    status = ChoiceFilter(choices=FleetProviderStatus)


class DepotFilter(FilterSet):
    retired = BooleanFilter("retired_at", "isnull", exclude=True)


class MembershipFilter(FilterSet):
    role = ChoiceFilter(choices=Role)
    ended = BooleanFilter("ended_at", "isnull", exclude=True)


class AuditFilter(FilterSet):
    action = TextFilter()
    object_type = TextFilter()
    object_id = TextFilter()
    actor = TextFilter()
    at_from = InstantFilter("at", "gte")
    at_to = InstantFilter("at", "lt")


class EventFilter(FilterSet):
    after = SequenceFilter("seq", "gt")
    type = TextFilter("kind")
    object = TextFilter("object_type")
    object_id = IdFilter()
