"""Income from ride platforms: accounts, whose an id there is, and transactions."""

from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.selectors import active_provider
from shifts import services
from shifts.errors import (
    InvalidPlatformPeriod,
    PlatformAccountExists,
    PlatformDriverEnded,
    PlatformDriverTaken,
)
from shifts.filters import PlatformDriverFilter, PlatformEntryFilter
from shifts.models import PlatformAccount, PlatformDriver, PlatformEntry
from shifts.serializers import (
    EntriesSerializer,
    EntryAnswersSerializer,
    PlatformAccountCreateSerializer,
    PlatformAccountSerializer,
    PlatformAccountUpdateSerializer,
    PlatformDriverGiveSerializer,
    PlatformDriverSerializer,
    PlatformDriverTakeSerializer,
    PlatformEntrySerializer,
)
from voltop.api import bulk
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.clock import UnknownTimezone


class PlatformAccountViewSet(ListRetrieveViewSet):
    """The company's accounts at ride platforms."""

    queryset = PlatformAccount.objects.all()
    serializer_class = PlatformAccountSerializer
    permissions = {
        "list": "shifts.view_platformaccount",
        "retrieve": "shifts.view_platformaccount",
        "create": "shifts.add_platformaccount",
        "partial_update": "shifts.change_platformaccount",
    }
    input_serializers = {
        "create": PlatformAccountCreateSerializer,
        "partial_update": PlatformAccountUpdateSerializer,
    }
    errors = {
        "create": (PlatformAccountExists, UnknownTimezone),
        "partial_update": (PlatformAccountExists, UnknownTimezone),
    }

    def create(self, request: Request) -> Response:
        """Open an account's books here; its currency is the company's."""
        account = services.create_platform_account(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(account, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change an account's name, zone or week."""
        account = self.get_object()
        values = self.read_input()
        return self.respond(services.update_platform_account(account, actor=self.actor, **values))


class PlatformDriverViewSet(ListRetrieveViewSet):
    """Whose a platform's driver id is, over time."""

    queryset = PlatformDriver.objects.all()
    serializer_class = PlatformDriverSerializer
    filterset_class = PlatformDriverFilter
    permissions = {
        "list": "shifts.view_platformdriver",
        "retrieve": "shifts.view_platformdriver",
        "create": "shifts.add_platformdriver",
        "end": "shifts.change_platformdriver",
    }
    input_serializers = {
        "create": PlatformDriverGiveSerializer,
        "end": PlatformDriverTakeSerializer,
    }
    errors = {
        "create": (PlatformDriverTaken, InvalidPlatformPeriod),
        "end": (PlatformDriverEnded, InvalidPlatformPeriod),
    }

    def create(self, request: Request) -> Response:
        """From an instant on, a platform's id stands for a driver."""
        known = services.give_platform_id(actor=self.actor, **self.read_input())
        return self.respond(known, status=201)

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """From an instant on, it no longer does."""
        known = self.get_object()
        return self.respond(services.take_platform_id(known, actor=self.actor, **self.read_input()))


class PlatformEntryViewSet(ListRetrieveViewSet):
    """Transactions at platforms, and the shifts they belong to."""

    queryset = PlatformEntry.objects.all()
    serializer_class = PlatformEntrySerializer
    filterset_class = PlatformEntryFilter
    ordering_fields = ("id", "occurred_at", "updated_at")
    permissions = {
        "list": "shifts.view_platformentry",
        "retrieve": "shifts.view_platformentry",
        "bulk": "shifts.add_platformentry",
    }
    input_serializers = {"bulk": EntriesSerializer}
    output_serializers = {"bulk": EntryAnswersSerializer}

    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Up to 1,000 transactions, an answer each; sending one again changes nothing."""
        values = self.read_input()
        rows: list[bulk.BulkRow] = values["rows"]
        sent: Any = request.data
        valid = [_row(row.values) for row in rows if row.values is not None]
        taken = iter(services.post_entries(values["account"], valid, actor=self.actor))
        results = [
            _refused(index, row, sent["rows"][index])
            if row.values is None
            else _answer(index, row.values["external_id"], next(taken))
            for index, row in enumerate(rows)
        ]
        return self.respond(bulk.answers(results))


def _row(values: dict[str, Any]) -> services.EntryRow:
    amount = values["amount"]
    return services.EntryRow(
        external_id=values["external_id"],
        kind=values["kind"],
        occurred_at=values["occurred_at"],
        posted_at=values["posted_at"],
        amount=amount.amount,
        currency=amount.currency,
        trip_ref=values.get("trip_ref", ""),
        driver_id=values.get("driver"),
        platform_driver=values.get("platform_driver", ""),
        raw=values.get("raw", {}),
    )


def _answer(index: int, external_id: str, result: services.EntryResult) -> dict[str, Any]:
    return {
        **bulk.answer(index, result.error, outcome=result.outcome, key=result.entry_id),
        "external_id": external_id,
        "shift": result.shift_id,
    }


def _refused(index: int, row: bulk.BulkRow, sent: Any) -> dict[str, Any]:
    """A row that was not even valid; its id is told where it was readable."""
    external_id = sent.get("external_id") if isinstance(sent, dict) else None
    return {
        **bulk.refused(index, row.problem or {}),
        "external_id": external_id[:120] if isinstance(external_id, str) else "",
        "shift": None,
    }
