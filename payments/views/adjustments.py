"""Adjustments: asked for, decided."""

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import FreshSecondFactorRequired
from fleets.records import RecordViewSet
from fleets.selectors import active_provider
from payments import services
from payments.errors import AdjustmentDiffers, AdjustmentSign, CurrencyMismatch, OwnRequest
from payments.filters import AdjustmentFilter
from payments.models import Adjustment
from payments.record_kinds import in_own_currency
from payments.serializers.plans import (
    AdjustmentInputSerializer,
    AdjustmentSerializer,
    SeriesInputSerializer,
    SeriesSerializer,
)
from voltop.api.serializers import ReasonSerializer
from voltop.errors import IllegalMove, ReasonRequired


class AdjustmentViewSet(RecordViewSet):
    """What is added to or taken from drivers' pay beside the plan, each with its reason."""

    record = "adjustments"
    queryset = Adjustment.objects.all()
    serializer_class = AdjustmentSerializer
    filterset_class = AdjustmentFilter
    ordering_fields = ("id", "due_on")
    output_serializers = {"series": SeriesSerializer}
    idempotency = "required"
    permissions = {
        "list": "payments.view_adjustment",
        "retrieve": "payments.view_adjustment",
        "create": "payments.add_adjustment",
        "series": "payments.add_adjustment",
        "approve": "payments.approve_adjustment",
        "reject": "payments.approve_adjustment",
    }
    input_serializers = {
        "create": AdjustmentInputSerializer,
        "series": SeriesInputSerializer,
        "approve": ReasonSerializer,
        "reject": ReasonSerializer,
    }
    statuses = {"series": 201}
    errors = {
        "create": (AdjustmentSign, CurrencyMismatch, ReasonRequired),
        "partial_update": (AdjustmentDiffers,),
        "series": (AdjustmentSign, CurrencyMismatch, ReasonRequired),
        "approve": (FreshSecondFactorRequired, OwnRequest, IllegalMove),
        "reject": (ReasonRequired, IllegalMove),
    }

    def create(self, request: Request) -> Response:
        """Ask for an amount to be added or taken."""
        provider = active_provider(self.actor)
        values = in_own_currency(provider, self.read_input(), "amount")
        return self.respond(services.request_adjustment(actor=self.actor, **values), status=201)

    @action(detail=False, methods=["post"])
    def series(self, request: Request) -> Response:
        """Ask for a total in several occurrences; the parts add up to it exactly."""
        provider = active_provider(self.actor)
        values = in_own_currency(provider, self.read_input(), "total")
        made = services.request_series(actor=self.actor, **values)
        shown = self.get_queryset().filter(pk__in=[adjustment.pk for adjustment in made])
        return self.respond({"adjustments": shown.order_by("pk")}, status=201)

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Requested → approved, by somebody else than who asked."""
        adjustment = self.get_object()
        return self.respond(
            services.approve_adjustment(adjustment, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Requested → rejected; needs a reason."""
        adjustment = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(services.reject_adjustment(adjustment, actor=self.actor, reason=reason))
