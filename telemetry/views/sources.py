"""The API of sources, trackers, and what waits for a tracker to be known."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.selectors import active_provider
from telemetry import errors, selectors, services
from telemetry.filters import DeviceFilter, FittingFilter
from telemetry.models import DeviceFitting, TelemetrySource, TrackerDevice
from telemetry.serializers import (
    DeviceSerializer,
    FittingEndSerializer,
    FittingMakeSerializer,
    FittingSerializer,
    QuarantineSerializer,
    SourceMakeSerializer,
    SourceSerializer,
    SourceUpdateSerializer,
    SourceWithTokenSerializer,
)
from voltop.api.serializers import ReasonSerializer
from voltop.api.views import OperationView
from voltop.api.viewsets import ListRetrieveViewSet


class SourceViewSet(ListRetrieveViewSet):
    """The company's own telemetry sources. A token is shown once: by `create` and `rotate-token`.

    The token before still works for 24 hours after a rotation.
    """

    queryset = TelemetrySource.objects.all()
    serializer_class = SourceSerializer
    search_fields = ("name",)
    idempotency = {"create": "refused", "rotate_token": "refused"}
    permissions = {
        "list": "telemetry.view_telemetrysource",
        "retrieve": "telemetry.view_telemetrysource",
        "create": "telemetry.add_telemetrysource",
        "partial_update": "telemetry.change_telemetrysource",
        "rotate_token": "telemetry.change_telemetrysource",
        "disable": "telemetry.change_telemetrysource",
        "enable": "telemetry.change_telemetrysource",
    }
    input_serializers = {
        "create": SourceMakeSerializer,
        "partial_update": SourceUpdateSerializer,
        "disable": ReasonSerializer,
        "enable": ReasonSerializer,
    }
    output_serializers = {
        "create": SourceWithTokenSerializer,
        "rotate_token": SourceWithTokenSerializer,
    }
    errors = {
        "create": (errors.SourceNameTaken,),
        "partial_update": (errors.SourceNameTaken,),
    }

    def create(self, request: Request) -> Response:
        """Make a source and its token."""
        provider = active_provider(self.actor)
        made = services.create_source(provider, actor=self.actor, **self.read_input())
        return self._with_token(*made, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a source's name or priority."""
        source = self.get_object()
        return self.respond(services.update_source(source, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"], url_path="rotate-token")
    def rotate_token(self, request: Request, pk: str) -> Response:
        """Make a new token; the present one works for another 24 hours."""
        return self._with_token(*services.rotate_token(self.get_object(), actor=self.actor))

    @action(detail=True, methods=["post"])
    def disable(self, request: Request, pk: str) -> Response:
        """Refuse the source's samples from now on."""
        source = self.get_object()
        return self.respond(services.disable_source(source, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        """Take the source's samples again."""
        source = self.get_object()
        return self.respond(services.enable_source(source, actor=self.actor, **self.read_input()))

    def _with_token(self, source: TelemetrySource, token: str, status: int = 200) -> Response:
        response = self.respond(source, status=status)
        response.data["token"] = token
        return response


class DeviceViewSet(ListRetrieveViewSet):
    """Trackers as their sources name them, and the vehicle each is in now."""

    queryset = TrackerDevice.objects.all()
    serializer_class = DeviceSerializer
    filterset_class = DeviceFilter
    permissions = {
        "list": "telemetry.view_trackerdevice",
        "retrieve": "telemetry.view_trackerdevice",
    }

    def narrow_queryset(self, rows: QuerySet[TrackerDevice]) -> QuerySet[TrackerDevice]:
        return selectors.with_present_vehicle(rows)


class FittingViewSet(ListRetrieveViewSet):
    """Which tracker is, or was, in which vehicle. What waited for it comes in within a minute."""

    queryset = DeviceFitting.objects.select_related("device")
    serializer_class = FittingSerializer
    filterset_class = FittingFilter
    permissions = {
        "list": "telemetry.view_devicefitting",
        "retrieve": "telemetry.view_devicefitting",
        "create": "telemetry.add_devicefitting",
        "end": "telemetry.change_devicefitting",
    }
    input_serializers = {"create": FittingMakeSerializer, "end": FittingEndSerializer}
    errors = {
        "create": (errors.DeviceAlreadyFitted, errors.InvalidFittingPeriod),
        "end": (errors.FittingEnded, errors.InvalidFittingPeriod),
    }

    def create(self, request: Request) -> Response:
        """Put a tracker into a vehicle; it is made known if it is new."""
        values = self.read_input()
        source = values.pop("source")
        fitting = services.fit_device(source, actor=self.actor, **values)
        return self.respond(fitting, status=201)

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Take a tracker out."""
        fitting = self.get_object()
        return self.respond(
            services.take_out_device(fitting, actor=self.actor, **self.read_input())
        )


class QuarantineView(OperationView):
    """Devices that nobody has fitted to a vehicle, with what waits for them; at most 200 of them.

    Samples wait for 7 days.
    """

    permissions = {"get": "telemetry.view_quarantinedsample"}
    output_serializers = {"get": QuarantineSerializer}

    def get(self, request: Request) -> Response:
        waiting: list[dict[str, Any]] = selectors.quarantined_devices(self.actor.provider_id)
        return Response(QuarantineSerializer({"results": waiting}).data)
