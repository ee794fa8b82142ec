"""Shifts found in telemetry: proposing, editing, accepting, rejecting."""

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.selectors import active_provider
from shifts import services
from shifts.errors import (
    InvalidShiftPeriod,
    ProposalOverlap,
    ProposalWithoutDriver,
    ShiftNotOver,
    ShiftOverlap,
    ShiftTooLong,
)
from shifts.filters import ProposalFilter
from shifts.models import ShiftProposal
from shifts.serializers import (
    ProposalEditSerializer,
    ProposalSerializer,
    ProposeSerializer,
    ShiftIdAnswersSerializer,
    ShiftSerializer,
)
from shifts.views.shifts import answers_by_id
from voltop.api.bulk import IdsSerializer
from voltop.api.jobs import JobSerializer
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import IllegalMove, ReasonRequired


class ShiftProposalViewSet(ListRetrieveViewSet):
    """Work of cars that nobody clocked in, waiting for a person to say yes or no."""

    queryset = ShiftProposal.objects.all()
    serializer_class = ProposalSerializer
    filterset_class = ProposalFilter
    ordering_fields = ("id", "business_date", "starts_at", "updated_at")
    permissions = {
        "list": "shifts.view_shiftproposal",
        "retrieve": "shifts.view_shiftproposal",
        "partial_update": "shifts.change_shiftproposal",
        "accept": "shifts.change_shiftproposal",
        "reject": "shifts.change_shiftproposal",
        "bulk_accept": "shifts.change_shiftproposal",
        "propose": "shifts.add_shiftproposal",
    }
    input_serializers = {
        "partial_update": ProposalEditSerializer,
        "reject": ReasonSerializer,
        "bulk_accept": IdsSerializer,
        "propose": ProposeSerializer,
    }
    output_serializers = {
        "accept": ShiftSerializer,
        "bulk_accept": ShiftIdAnswersSerializer,
        "propose": JobSerializer,
    }
    statuses = {"propose": 202}
    errors = {
        "propose": (InvalidShiftPeriod,),
        "partial_update": (
            IllegalMove,
            ProposalOverlap,
            InvalidShiftPeriod,
            ShiftTooLong,
            ShiftNotOver,
        ),
        "accept": (IllegalMove, ProposalWithoutDriver, ShiftOverlap),
        "reject": (IllegalMove, ReasonRequired),
    }

    def partial_update(self, request: Request, pk: str) -> Response:
        """Fill in who drove, or correct from when to when, before accepting."""
        proposal = self.get_object()
        return self.respond(services.edit_proposal(proposal, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Proposed → accepted: an ended shift, which is the answer."""
        proposal = self.get_object()
        return self.respond(services.accept_proposal(proposal, actor=self.actor))

    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Proposed → rejected; needs a reason."""
        proposal = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(services.reject_proposal(proposal, actor=self.actor, reason=reason))

    @action(detail=False, methods=["post"], url_path="bulk-accept")
    def bulk_accept(self, request: Request) -> Response:
        """Accept up to 1,000 proposals, each for itself."""
        ids, actor = self.read_input()["ids"], self.actor
        found = self.get_queryset().in_bulk(ids)
        return self.respond(
            answers_by_id(ids, found, lambda row: services.accept_proposal(row, actor=actor))
        )

    @action(detail=False, methods=["post"])
    def propose(self, request: Request) -> Response:
        """Look for shifts in telemetry; the answer is a job to be watched under jobs/."""
        job = services.request_proposals(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(job, status=202)
