"""Query parameters of fleets' lists."""

from typing import Any

from django.db.models import QuerySet

from fleets.models import DeliveryStatus, EndpointStatus, FleetProviderStatus, InboxState, Role
from fleets.records import RefFilter
from voltop import clock
from voltop.api.filters import (
    BooleanFilter,
    ChoiceFilter,
    FilterSet,
    IdFilter,
    InstantFilter,
    SequenceFilter,
    TextFilter,
)
from voltop.jobs import Job
from voltop.records import record_kinds


class ProviderFilter(FilterSet):
    status = ChoiceFilter(choices=FleetProviderStatus)


class DepotFilter(FilterSet):
    retired = BooleanFilter("retired_at", "isnull", exclude=True)
    ref = RefFilter()


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


class ExternalRefFilter(FilterSet):
    """kind as in the addresses: `kind=drivers`."""

    system = TextFilter()
    external_id = TextFilter()
    kind = TextFilter(method="filter_kind")
    object_id = IdFilter()

    def filter_kind(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        kind = record_kinds().get(text)
        return rows.filter(object_type=kind.object_type if kind else "")


class DataImportFilter(FilterSet):
    """kind as in the addresses: `kind=drivers`."""

    kind = TextFilter()
    state = ChoiceFilter("job__state", choices=Job.State)
    dry_run = BooleanFilter()


class EndpointFilter(FilterSet):
    status = ChoiceFilter(choices=EndpointStatus)


class DeliveryFilter(FilterSet):
    endpoint = IdFilter()
    status = ChoiceFilter(choices=DeliveryStatus)
    type = TextFilter("event__kind")


class InboxFilter(FilterSet):
    """`state=open,snoozed`: without it, all."""

    state = ChoiceFilter(choices=InboxState, method="filter_state")
    kind = TextFilter()
    object_type = TextFilter()
    object_id = IdFilter()
    assignee = IdFilter()
    unassigned = BooleanFilter("assignee", "isnull")
    due_to = InstantFilter("due_at", "lt")

    def filter_state(self, rows: QuerySet[Any], name: str, states: list[str]) -> QuerySet[Any]:
        items: Any = rows
        return items.in_states(states, clock.now())


class NoticeFilter(FilterSet):
    kind = TextFilter()
    unread = BooleanFilter("read_at", "isnull")
