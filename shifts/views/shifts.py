"""Shifts and their metrics, as staff and integrators see them."""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from drivers.errors import DriverNotActive
from fleets.errors import ProviderNotActive
from shifts import services
from shifts.errors import (
    InvalidShiftPeriod,
    NoRunningShift,
    SameVehicle,
    ShiftPlanOverlap,
    ShiftTooLong,
    StartRefused,
)
from shifts.filters import ShiftFilter, ShiftMetricsFilter
from shifts.models import Shift, ShiftEvent, ShiftMetrics
from shifts.serializers import (
    ChangeVehicleSerializer,
    PlannedStartSerializer,
    ShiftEventSerializer,
    ShiftIdAnswersSerializer,
    ShiftMetricsSerializer,
    ShiftScheduleSerializer,
    ShiftSerializer,
    UnplannedStartSerializer,
)
from voltop.api import bulk
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import DomainError, IllegalMove, NotFound, PermissionDenied, ReasonRequired

OVERRIDE = "shifts.override_start_gates"


class ShiftViewSet(ListRetrieveViewSet):
    """Shifts of the active provider: planned, run and confirmed."""

    queryset = Shift.objects.with_parts()
    serializer_class = ShiftSerializer
    filterset_class = ShiftFilter
    ordering_fields = ("id", "business_date", "updated_at")
    permissions = {
        "list": "shifts.view_shift",
        "retrieve": "shifts.view_shift",
        "create": "shifts.add_shift",
        "start_unplanned": "shifts.change_shift",
        "start": "shifts.change_shift",
        "take_break": "shifts.change_shift",
        "resume": "shifts.change_shift",
        "change_vehicle": "shifts.change_shift",
        "end": "shifts.change_shift",
        "cancel": "shifts.change_shift",
        "confirm": "shifts.confirm_shift",
        "reopen": "shifts.confirm_shift",
        "bulk_confirm": "shifts.confirm_shift",
    }
    input_serializers = {
        "create": ShiftScheduleSerializer,
        "start_unplanned": UnplannedStartSerializer,
        "start": PlannedStartSerializer,
        "change_vehicle": ChangeVehicleSerializer,
        "end": ReasonSerializer,
        "cancel": ReasonSerializer,
        "confirm": ReasonSerializer,
        "reopen": ReasonSerializer,
        "bulk_confirm": bulk.IdsSerializer,
    }
    output_serializers = {"bulk_confirm": ShiftIdAnswersSerializer}
    statuses = {"start_unplanned": 201}
    idempotency = {"create": "required", "start_unplanned": "required"}
    errors = {
        "create": (
            ProviderNotActive,
            DriverNotActive,
            ShiftPlanOverlap,
            InvalidShiftPeriod,
            ShiftTooLong,
        ),
        "start_unplanned": (StartRefused, PermissionDenied),
        "start": (StartRefused, IllegalMove, PermissionDenied),
        "take_break": (IllegalMove,),
        "resume": (IllegalMove,),
        "change_vehicle": (StartRefused, SameVehicle, NoRunningShift, ReasonRequired),
        "end": (IllegalMove,),
        "cancel": (IllegalMove, ReasonRequired),
        "confirm": (IllegalMove, ReasonRequired),
        "reopen": (IllegalMove, ReasonRequired),
    }

    def create(self, request: Request) -> Response:
        """Plan a shift for a driver."""
        shift = services.schedule_shift(actor=self.actor, **self.read_input())
        return self.respond(shift, status=201)

    @action(detail=False, methods=["post"], url_path="start")
    def start_unplanned(self, request: Request) -> Response:
        """Start a driver's shift now: the one planned for now, else an unplanned one."""
        shift = services.start_shift(actor=self.actor, **self._start_input())
        return self.respond(shift, status=201)

    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Scheduled → active; 409 `start_refused` lists everything that stands in the way."""
        planned = self.get_object()
        values = self._start_input()
        return self.respond(
            services.start_shift(planned.driver, planned=planned, actor=self.actor, **values)
        )

    @action(detail=True, methods=["post"], url_path="break")
    def take_break(self, request: Request, pk: str) -> Response:
        """Active → on break."""
        shift = self.get_object()
        return self.respond(services.take_break(shift, actor=self.actor))

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """On break → active."""
        shift = self.get_object()
        return self.respond(services.resume(shift, actor=self.actor))

    @action(detail=True, methods=["post"], url_path="change-vehicle")
    def change_vehicle(self, request: Request, pk: str) -> Response:
        """Go on in another car from now on."""
        shift = self.get_object()
        values = self.read_input()
        self._require_override(values)
        return self.respond(services.change_vehicle(shift, actor=self.actor, **values))

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Running → ended now; closed automatically → ended. Ended already: the same again."""
        return self._move(services.end_shift)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Scheduled → cancelled; needs a reason."""
        return self._move(services.cancel_shift)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Ended → confirmed: payable. What is marked for review needs a reason."""
        return self._move(services.confirm_shift)

    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Confirmed → ended again; needs a reason."""
        return self._move(services.reopen_shift)

    @action(detail=False, methods=["post"], url_path="bulk-confirm")
    def bulk_confirm(self, request: Request) -> Response:
        """Confirm up to 1,000 shifts, each for itself."""
        values = self.read_input()
        found = self.get_queryset().in_bulk(values["ids"])
        actor, reason = self.actor, values.get("reason", "")

        def confirm(shift: Shift) -> Shift:
            return services.confirm_shift(shift, actor=actor, reason=reason)

        return self.respond(answers_by_id(values["ids"], found, confirm))

    def _start_input(self) -> dict[str, Any]:
        values = self.read_input()
        self._require_override(values)
        return values

    def _require_override(self, values: dict[str, Any]) -> None:
        """Setting gates aside has a permission of its own."""
        if values.get("override_reason") and not self.request.user.has_perm(OVERRIDE):
            raise PermissionDenied(permission=OVERRIDE)

    def _move(self, service: Callable[..., Shift]) -> Response:
        shift = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(service(shift, actor=self.actor, reason=reason))


class ShiftEventViewSet(ListViewSet):
    """The timeline of one shift, oldest first."""

    queryset = ShiftEvent.objects.all()
    serializer_class = ShiftEventSerializer
    permissions = {"list": "shifts.view_shiftevent"}

    def narrow_queryset(self, rows: QuerySet[ShiftEvent]) -> QuerySet[ShiftEvent]:
        key = int(self.kwargs["shift_pk"])
        if not Shift.objects.for_provider(self.actor.provider_id).filter(pk=key).exists():
            raise NotFound()
        return rows.filter(shift_id=key)


class ShiftMetricsViewSet(ListRetrieveViewSet):
    """What worked shifts were worth: time, distance, energy, trips, income."""

    queryset = ShiftMetrics.objects.select_related("shift")
    serializer_class = ShiftMetricsSerializer
    filterset_class = ShiftMetricsFilter
    permissions = {
        "list": "shifts.view_shiftmetrics",
        "retrieve": "shifts.view_shiftmetrics",
    }


def answers_by_id(
    ids: list[int], found: dict[int, Any], service: Callable[[Any], Shift]
) -> dict[str, Any]:
    """Call a service for each id, each in its own savepoint, and collect the answers."""
    results = []
    for index, key in enumerate(ids):
        error: DomainError | None = None
        shift: Shift | None = None
        try:
            with transaction.atomic():
                if key not in found:
                    raise NotFound()
                shift = service(found[key])
        except DomainError as refused:
            error = refused
        results.append(
            {
                **bulk.answer(index, error, key=key),
                "shift": shift.pk if shift is not None else None,
            }
        )
    done = sum(1 for result in results if result["ok"])
    return {"done": done, "refused": len(results) - done, "results": results}
