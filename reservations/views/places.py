"""Stations, EVSEs, connectors, and what is free."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import InvalidOpeningHours, ProviderNotActive, UnknownCountry
from fleets.records import RecordViewSet
from fleets.selectors import active_provider
from reservations import selectors, services
from reservations.errors import (
    ConnectorDoesNotFit,
    EvseOutOfService,
    ReservationOffGrid,
    ReservationTooLong,
    StationNameTaken,
)
from reservations.filters import ConnectorFilter, EvseFilter, StationFilter
from reservations.models import ChargingStation, Connector, Evse
from reservations.offers import offers
from reservations.serializers import (
    AvailabilitySerializer,
    ConnectorInputSerializer,
    ConnectorSerializer,
    EvseInputSerializer,
    EvseSerializer,
    EvseStatusSerializer,
    OfferSerializer,
    OwnStationSerializer,
    StationInputSerializer,
    StationSerializer,
    StationUpdateSerializer,
)
from vehicles.models import Vehicle
from voltop import clock
from voltop.api import errors
from voltop.api.fields import INT8_MAX, parse_instant
from voltop.api.periods import check_range
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.clock import UnknownTimezone

LONGEST = timedelta(days=31)
STATION = (StationNameTaken, UnknownCountry, UnknownTimezone, InvalidOpeningHours)
LONGEST_MIN = 100_000
VEHICLE = {"type": "integer", "minimum": 1, "maximum": INT8_MAX}
MINUTES = {"type": "integer", "minimum": 1, "maximum": LONGEST_MIN}
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
        start = read_instant(self.parameters, "start") or clock.now()
        end = read_instant(self.parameters, "end") or start + timedelta(days=1)
        check_range(start, end, longest=LONGEST, field="end")
        rows = selectors.availability(station, start, end)
        return Response(AvailabilitySerializer(rows, many=True).data)


class OwnStationViewSet(ListRetrieveViewSet):
    """The company's stations that a driver may book at."""

    queryset = ChargingStation.objects.filter(bookable=True, retired_at__isnull=True)
    serializer_class = OwnStationSerializer
    permissions = dict.fromkeys(("list", "retrieve", "times"), "reservations.book_as_driver")
    output_serializers = {"times": OfferSerializer(many=True)}
    errors = {
        "times": (
            errors.Required,
            errors.InvalidNumber,
            errors.OutOfRange,
            errors.ObjectNotFound,
            ReservationOffGrid,
            ReservationTooLong,
            ConnectorDoesNotFit,
            EvseOutOfService,
        )
    }
    query_parameters = {
        "times": {"vehicle": VEHICLE, "minutes": MINUTES, "start": INSTANT},
    }

    def narrow_queryset(self, rows: QuerySet[ChargingStation]) -> QuerySet[ChargingStation]:
        return rows.select_related("provider__policy")

    @action(detail=True, methods=["get"])
    def times(self, request: Request, pk: str) -> Response:
        """When a charger is free (for the vehicle, where one is named) within a day from `start`.

        For so many minutes, by default from now on; at most 48, soonest first. Nothing is kept by
        asking.
        """
        station = self.get_object()
        vehicle = self._vehicle() if "vehicle" in self.parameters else None
        at, minutes = clock.now(), self._number("minutes", LONGEST_MIN)
        start = read_instant(self.parameters, "start") or at
        found = offers(station, vehicle, start, minutes=minutes, at=at)
        return Response(OfferSerializer(found, many=True).data)

    def _vehicle(self) -> Vehicle:
        known = Vehicle.objects.for_provider(self.actor.provider_id).select_related("model")
        found = known.filter(pk=self._number("vehicle", INT8_MAX)).first()
        if found is None:
            raise errors.ObjectNotFound(field="vehicle")
        return found

    def _number(self, name: str, most: int) -> int:
        if name not in self.parameters:
            raise errors.Required(field=name)
        text = self.parameters[name]
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise errors.InvalidNumber(field=name)
        if not 1 <= int(text) <= most:
            raise errors.OutOfRange(field=name)
        return int(text)


def read_instant(parameters: dict[str, str], name: str) -> datetime | None:
    """A time of the query, None where it is not told; what is wrong names the parameter."""
    if name not in parameters:
        return None
    try:
        return parse_instant(parameters[name])
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
