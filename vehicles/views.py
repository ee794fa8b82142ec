"""The API of vehicles: each action checks the function, finds the row and calls one service."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from drivers.errors import DriverNotActive
from fleets.errors import LimitReached, ProviderNotActive
from fleets.records import RecordViewSet
from fleets.selectors import active_provider
from vehicles import errors, selectors, services
from vehicles.filters import (
    AssignmentFilter,
    LiveVehicleFilter,
    TenureFilter,
    VehicleDayFilter,
    VehicleFilter,
    VehicleModelFilter,
)
from vehicles.models import (
    Assignment,
    Vehicle,
    VehicleDay,
    VehicleEvent,
    VehicleModel,
    VehiclePlate,
    VehicleState,
    VehicleTenure,
)
from vehicles.serializers import (
    AssignmentEndSerializer,
    AssignmentMakeSerializer,
    AssignmentSerializer,
    AssignmentSwapSerializer,
    LiveVehicleSerializer,
    VehicleDaySerializer,
    VehicleEventSerializer,
    VehicleModelSerializer,
    VehiclePlateSerializer,
    VehicleRegisterSerializer,
    VehicleSerializer,
    VehicleStateSerializer,
    VehicleTenureSerializer,
    VehicleTransferSerializer,
    VehicleUpdateSerializer,
)
from voltop import clock
from voltop.api.bulk import BulkViewSet, Outcome
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import IllegalMove, NotFound, ReasonRequired

NAMES = (errors.InvalidVin, errors.InvalidPlate, errors.VinTaken, errors.PlateTaken)
MOVE = (IllegalMove, ReasonRequired)
ASSIGN = (
    errors.InvalidAssignmentPeriod,
    errors.VehicleNotInService,
    errors.VehicleRetired,
    DriverNotActive,
    errors.OutsideTenure,
    errors.VehicleAssigned,
    errors.DriverAssigned,
)


class VehicleModelViewSet(ListRetrieveViewSet):
    """The catalogue of vehicle types, shared by all companies and kept by the platform."""

    queryset = VehicleModel.objects.all()
    serializer_class = VehicleModelSerializer
    filterset_class = VehicleModelFilter
    search_fields = ("make", "model")
    permissions = {
        "list": "vehicles.view_vehiclemodel",
        "retrieve": "vehicles.view_vehiclemodel",
    }


class VehicleViewSet(RecordViewSet):
    """Vehicles that the active provider holds, the moves of their state, and what is known now."""

    record = "vehicles"
    queryset = Vehicle.objects.all()
    serializer_class = VehicleSerializer
    filterset_class = VehicleFilter
    search_fields = ("label", "plate", "vin")
    ordering_fields = ("id", "label", "updated_at")
    permissions = {
        "list": "vehicles.view_vehicle",
        "retrieve": "vehicles.view_vehicle",
        "create": "vehicles.add_vehicle",
        "partial_update": "vehicles.change_vehicle",
        "send_to_maintenance": "vehicles.change_vehicle",
        "take_out_of_service": "vehicles.change_vehicle",
        "return_to_service": "vehicles.change_vehicle",
        "retire": "vehicles.retire_vehicle",
        "transfer": "vehicles.transfer_vehicle",
        "state": "vehicles.view_vehiclestate",
    }
    input_serializers = {
        "create": VehicleRegisterSerializer,
        "partial_update": VehicleUpdateSerializer,
        "send_to_maintenance": ReasonSerializer,
        "take_out_of_service": ReasonSerializer,
        "return_to_service": ReasonSerializer,
        "retire": ReasonSerializer,
        "transfer": VehicleTransferSerializer,
    }
    output_serializers = {"state": VehicleStateSerializer}
    errors = {
        "create": (
            *NAMES,
            errors.LabelTaken,
            errors.InvalidTenureStart,
            ProviderNotActive,
            LimitReached,
        ),
        "partial_update": (*NAMES, errors.LabelTaken, errors.VehicleRetired),
        "send_to_maintenance": MOVE,
        "take_out_of_service": MOVE,
        "return_to_service": (IllegalMove,),
        "retire": (*MOVE, errors.VehicleInUse),
        "transfer": (
            errors.TransferToSelf,
            errors.VehicleRetired,
            errors.VehicleInUse,
            errors.VinTaken,
            errors.PlateTaken,
            ProviderNotActive,
            LimitReached,
        ),
    }

    def create(self, request: Request) -> Response:
        """Register a vehicle; it is in service and the company's."""
        provider = active_provider(self.actor)
        vehicle = services.register_vehicle(provider, actor=self.actor, **self.read_input())
        return self.respond(vehicle, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a vehicle's record; the plate before stays known with its time."""
        vehicle = self.get_object()
        return self.respond(services.update_vehicle(vehicle, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"], url_path="send-to-maintenance")
    def send_to_maintenance(self, request: Request, pk: str) -> Response:
        """In service or out of service → maintenance; needs a reason."""
        return self._move(services.send_to_maintenance)

    @action(detail=True, methods=["post"], url_path="take-out-of-service")
    def take_out_of_service(self, request: Request, pk: str) -> Response:
        """In service or maintenance → out of service; needs a reason."""
        return self._move(services.take_out_of_service)

    @action(detail=True, methods=["post"], url_path="return-to-service")
    def return_to_service(self, request: Request, pk: str) -> Response:
        """Maintenance or out of service → in service."""
        return self._move(services.return_to_service)

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Out of service → retired, for good; needs a reason."""
        return self._move(services.retire_vehicle)

    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, pk: str) -> Response:
        """Hand the vehicle to another company; each sees only its own interval."""
        vehicle, values = self.get_object(), self.read_input()
        to = selectors.receiver_for(self.request.user, values.pop("provider"))
        return self.respond(services.transfer_vehicle(vehicle, to, actor=self.actor, **values))

    @action(detail=True, methods=["get"])
    def state(self, request: Request, pk: str) -> Response:
        """The newest values, each group with the time it was measured."""
        state = VehicleState.objects.filter(vehicle=self.get_object()).first()
        if state is None:
            raise NotFound()
        return self.respond(state)

    def _move(self, service: Any) -> Response:
        vehicle = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(service(vehicle, actor=self.actor, reason=reason))


class LiveVehicleViewSet(ListViewSet):
    """Where the vehicles are and what they do, for maps: one query whatever their number.

    With `updated_since`, only those of which something new is known.
    """

    queryset = VehicleState.objects.all()
    serializer_class = LiveVehicleSerializer
    filterset_class = LiveVehicleFilter
    ordering = ("vehicle",)
    permissions = {"list": "vehicles.view_vehiclestate"}

    def narrow_queryset(self, rows: QuerySet[VehicleState]) -> QuerySet[VehicleState]:
        return selectors.live(rows, clock.now())


class OfVehicleViewSet(ListViewSet):
    """Lists below one vehicle of the active provider; only its own rows of it."""

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        own = Vehicle.objects.for_provider(self.actor.provider_id)
        if not own.filter(pk=self.kwargs["vehicle_pk"]).exists():
            raise NotFound()
        return rows.filter(vehicle_id=self.kwargs["vehicle_pk"])


class VehicleEventViewSet(OfVehicleViewSet):
    """The timeline of one vehicle's state, oldest first."""

    queryset = VehicleEvent.objects.all()
    serializer_class = VehicleEventSerializer
    permissions = {"list": "vehicles.view_vehicleevent"}


class VehiclePlateViewSet(OfVehicleViewSet):
    """The plates that one vehicle has borne, oldest first."""

    queryset = VehiclePlate.objects.all()
    serializer_class = VehiclePlateSerializer
    permissions = {"list": "vehicles.view_vehicleplate"}


class VehicleDayViewSet(OfVehicleViewSet):
    """What one vehicle did on each local day, in the order of the days."""

    queryset = VehicleDay.objects.all()
    serializer_class = VehicleDaySerializer
    filterset_class = VehicleDayFilter
    ordering = ("on",)
    ordering_fields = ("on",)
    permissions = {"list": "vehicles.view_vehicleday"}


class TenureViewSet(ListRetrieveViewSet):
    """Since when, and until when, vehicles are or were the company's."""

    queryset = VehicleTenure.objects.all()
    serializer_class = VehicleTenureSerializer
    filterset_class = TenureFilter
    permissions = {
        "list": "vehicles.view_vehicletenure",
        "retrieve": "vehicles.view_vehicletenure",
    }


class AssignmentViewSet(BulkViewSet):
    """Who has which vehicle, and when. Those of kind shift belong to shifts."""

    queryset = Assignment.objects.all()
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilter
    ordering_fields = ("id", "starts_at", "updated_at")
    permissions = {
        "list": "vehicles.view_assignment",
        "retrieve": "vehicles.view_assignment",
        "create": "vehicles.add_assignment",
        "end": "vehicles.change_assignment",
        "cancel": "vehicles.change_assignment",
        "swap": "vehicles.change_assignment",
    }
    input_serializers = {
        "create": AssignmentMakeSerializer,
        "end": AssignmentEndSerializer,
        "swap": AssignmentSwapSerializer,
    }
    errors = {
        "create": ASSIGN,
        "end": (
            errors.AssignmentEnded,
            errors.AssignmentOfShift,
            errors.InvalidAssignmentPeriod,
        ),
        "cancel": (errors.AssignmentBegun, errors.AssignmentEnded, errors.AssignmentOfShift),
        "swap": (errors.AssignmentsNotAlike, errors.AssignmentOfShift, *ASSIGN),
    }

    def create(self, request: Request) -> Response:
        """Give a driver a vehicle, from now on or over a period; of two at once one wins."""
        return self.respond(self._assign(self.read_input()), status=201)

    def take_row(self, values: dict[str, Any]) -> tuple[int, Outcome]:
        return self._assign(values).pk, "created"

    def _assign(self, values: dict[str, Any]) -> Assignment:
        service = services.reassign if values.pop("replace") else services.assign
        return service(actor=self.actor, **values)

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """The vehicle goes back, now or at `ends_at`."""
        assignment = self.get_object()
        return self.respond(
            services.end_assignment(assignment, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Call off what has not begun."""
        assignment = self.get_object()
        return self.respond(services.cancel_assignment(assignment, actor=self.actor))

    @action(detail=True, methods=["post"])
    def swap(self, request: Request, pk: str) -> Response:
        """Two drivers exchange vehicles now; answers with this vehicle's new assignment."""
        assignment, other = self.get_object(), self.read_input()["other"]
        mine, _theirs = services.swap_assignments(assignment, other, actor=self.actor)
        return self.respond(mine)
