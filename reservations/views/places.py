"""Stations, EVSEs, connectors, and what is free."""

from datetime import datetime, timedelta

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import InvalidOpeningHours, ProviderNotActive, UnknownCountry
from fleets.records import RecordViewSet
from fleets.selectors import active_provider
from reservations import selectors, services
from reservations.errors import StationNameTaken
from reservations.filters import ConnectorFilter, EvseFilter, StationFilter
from reservations.models import ChargingStation, Connector, Evse
from reservations.serializers import (
    AvailabilitySerializer,
    ConnectorInputSerializer,
    ConnectorSerializer,
    EvseInputSerializer,
    EvseSerializer,
    EvseStatusSerializer,
    StationInputSerializer,
    StationSerializer,
    StationUpdateSerializer,
)
from voltop import clock
from voltop.api import errors
from voltop.api.fields import parse_instant
from voltop.api.periods import check_range
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.clock import UnknownTimezone

LONGEST = timedelta(days=31)
STATION = (StationNameTaken, UnknownCountry, UnknownTimezone, InvalidOpeningHours)
INSTANT = {"type": "string", "format": "date-time"}


class StationViewSet(RecordViewSet):
    """Charging stations (OCPI Locations)."""

    record = "stations"
    queryset = ChargingStation.objects.all()
    serializer_class = StationSerializer
    filterset_class = StationFilter
    search_fields = ("name", "address")
    ordering_fields = ("id", "name")
    permissions = {
        "list": "reservations.view_chargingstation",
        "retrieve": "reservations.view_chargingstation",
        "availability": "reservations.view_chargingstation",
        "create": "reservations.add_chargingstation",
        "partial_update": "reservations.change_chargingstation",
        "retire": "reservations.change_chargingstation",
    }
    input_serializers = {
        "create": StationInputSerializer,
        "partial_update": StationUpdateSerializer,
        "retire": ReasonSerializer,
    }
    output_serializers = {"availability": AvailabilitySerializer(many=True)}
    errors = {
        "create": (*STATION, ProviderNotActive),
        "partial_update": STATION,
        "availability": (errors.InvalidRange,),
    }
    query_parameters = {"availability": {"start": INSTANT, "end": INSTANT}}

    def create(self, request: Request) -> Response:
        """Add a station."""
        provider = active_provider(self.actor)
        station = services.create_station(provider, actor=self.actor, **self.read_input())
        return self.respond(station, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a station."""
        station = self.get_object()
        return self.respond(services.update_station(station, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        """Take a station out of use; it keeps its history."""
        station = self.get_object()
        return self.respond(services.retire_station(station, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["get"])
    def availability(self, request: Request, pk: str) -> Response:
        """Per plug, what is free within [start, end): by default the next 24 hours."""
        station = self.get_object()
        start = self._instant("start") or clock.now()
        end = self._instant("end") or start + timedelta(days=1)
        check_range(start, end, longest=LONGEST, field="end")
        rows = selectors.availability(station, start, end)
        return Response(AvailabilitySerializer(rows, many=True).data)

    def _instant(self, name: str) -> datetime | None:
        if name not in self.parameters:
            return None
        try:
            return parse_instant(self.parameters[name])
        except errors.RequestError as error:
            raise type(error)(field=name) from error


class EvseViewSet(ListRetrieveViewSet):
    """Chargers: each serves one car at a time."""

    queryset = Evse.objects.all()
    serializer_class = EvseSerializer
    filterset_class = EvseFilter
    permissions = {
        "list": "reservations.view_evse",
        "retrieve": "reservations.view_evse",
        "create": "reservations.add_evse",
        "status": "reservations.change_evse",
    }
    input_serializers = {"create": EvseInputSerializer, "status": EvseStatusSerializer}

    def create(self, request: Request) -> Response:
        """Add a charger to a station; the same uid again gives back the one that is there."""
        return self.respond(services.add_evse(actor=self.actor, **self.read_input()), status=201)

    @action(detail=True, methods=["post"])
    def status(self, request: Request, pk: str) -> Response:
        """Say what state the charger is in (OCPI Status)."""
        evse = self.get_object()
        return self.respond(services.set_evse_status(evse, actor=self.actor, **self.read_input()))


class ConnectorViewSet(ListRetrieveViewSet):
    """Plugs of chargers."""

    queryset = Connector.objects.all()
    serializer_class = ConnectorSerializer
    filterset_class = ConnectorFilter
    permissions = {
        "list": "reservations.view_connector",
        "retrieve": "reservations.view_connector",
        "create": "reservations.add_connector",
    }
    input_serializers = {"create": ConnectorInputSerializer}

    def create(self, request: Request) -> Response:
        """Add a plug to a charger; the same id again gives back the one that is there."""
        connector = services.add_connector(actor=self.actor, **self.read_input())
        return self.respond(connector, status=201)
