"""Where vehicles went: tracks, trips and hired runs, each only of the company's own time."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from telemetry import selectors
from telemetry.errors import TrackTooLong
from telemetry.filters import PeriodFilter
from telemetry.models import HiredRun, Trip
from telemetry.serializers import HiredRunSerializer, TrackSerializer, TripSerializer
from vehicles.models import VehicleTenure
from voltop.api import errors
from voltop.api.fields.times import parse_instant
from voltop.api.views import OperationView
from voltop.api.viewsets import ListMixin, ListRetrieveViewSet, ProviderViewSet
from voltop.errors import NotFound

MAX_POINTS = 5000


def require_held(vehicle_id: int, provider_id: int | None) -> None:
    """The company holds the vehicle, or did once. Raises NotFound."""
    held = VehicleTenure.objects.for_provider(provider_id).filter(vehicle_id=vehicle_id)
    if not held.exists():
        raise NotFound()


class TripViewSet(ListRetrieveViewSet):
    """Trips of all vehicles, in the order of their beginning."""

    queryset = Trip.objects.all()
    serializer_class = TripSerializer
    filterset_class = PeriodFilter
    ordering = ("starts_at",)
    permissions = {"list": "telemetry.view_trip", "retrieve": "telemetry.view_trip"}


class HiredRunViewSet(ListRetrieveViewSet):
    """Runs with a fare on board, of all vehicles, in the order of their beginning."""

    queryset = HiredRun.objects.all()
    serializer_class = HiredRunSerializer
    filterset_class = PeriodFilter
    ordering = ("starts_at",)
    permissions = {"list": "telemetry.view_hiredrun", "retrieve": "telemetry.view_hiredrun"}


class _OfVehicle(ListMixin, ProviderViewSet):  # type: ignore[misc]
    ordering = ("starts_at",)
    filterset_class = PeriodFilter

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        vehicle_id = int(self.kwargs["vehicle_pk"])
        require_held(vehicle_id, self.actor.provider_id)
        return rows.filter(vehicle_id=vehicle_id)


class VehicleTripViewSet(_OfVehicle):
    """The trips of one vehicle."""

    queryset = Trip.objects.all()
    serializer_class = TripSerializer
    permissions = {"list": "telemetry.view_trip"}


class VehicleHiredRunViewSet(_OfVehicle):
    """The hired runs of one vehicle."""

    queryset = HiredRun.objects.all()
    serializer_class = HiredRunSerializer
    permissions = {"list": "telemetry.view_hiredrun"}


class TrackView(OperationView):
    """A vehicle's way over [start, end) as a GeoJSON Feature, simplified to `max_points`.

    Positions are [longitude, latitude] in WGS 84; `properties.times` has one entry for each. At
    most 31 days at once; 1,000 points unless `max_points` (2 to 5,000) says otherwise. Points that
    carry the shape are kept first. `jumps` are the places (index of the later point) where the way
    from the point before was faster than 150 km/h: a wrong position.
    """

    permissions = {"get": "telemetry.view_trip"}
    query_parameters = {
        "get": {
            "start": {"type": "string", "format": "date-time"},
            "end": {"type": "string", "format": "date-time"},
            "max_points": {"type": "integer", "minimum": 2, "maximum": MAX_POINTS},
        }
    }
    output_serializers = {"get": TrackSerializer}
    errors = {"get": (errors.Required, errors.InvalidRange, errors.OutOfRange, TrackTooLong)}

    def get(self, request: Request, vehicle_pk: str) -> Response:
        start, end = self._instant("start"), self._instant("end")
        provider_id = self.actor.provider_id
        require_held(int(vehicle_pk), provider_id)
        if end <= start:
            raise errors.InvalidRange(field="end")
        if end - start > selectors.LONGEST_TRACK:
            raise TrackTooLong(field="end")
        track = selectors.track(
            int(vehicle_pk), provider_id, start, end, max_points=self._max_points()
        )
        return Response(TrackSerializer(track).data)

    def _instant(self, name: str) -> datetime:
        if name not in self.parameters:
            raise errors.Required(field=name)
        try:
            return parse_instant(self.parameters[name])
        except errors.RequestError as error:
            raise type(error)(field=name) from error

    def _max_points(self) -> int:
        text = self.parameters.get("max_points", "1000")
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise errors.InvalidNumber(field="max_points")
        if not 2 <= int(text) <= MAX_POINTS:
            raise errors.OutOfRange(field="max_points")
        return int(text)
