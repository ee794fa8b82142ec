"""Reservations: staff's side, and a driver's own below `me/`."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from drivers.errors import DriverNotActive, NoDriverRecord
from drivers.selectors import own_driver
from fleets.errors import ProviderNotActive
from reservations import errors, services
from reservations.filters import ReservationFilter
from reservations.models import CancelReason, Reservation, ReservationEvent, ReservationKind
from reservations.serializers import (
    CancelSerializer,
    OwnReservationInputSerializer,
    PeriodChangeSerializer,
    ReservationEventSerializer,
    ReservationInputSerializer,
    ReservationSerializer,
)
from vehicles.errors import VehicleNotInService, VehicleRetired
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import IllegalMove, NotFound

PERIOD = (
    errors.ReservationEmpty,
    errors.ReservationOffGrid,
    errors.ReservationTooLong,
    errors.ReservationInPast,
    errors.ReservationTooFar,
    errors.StationClosed,
)
TAKEN = (errors.ConnectorTaken, errors.VehicleTaken)
BOOKING = (
    *PERIOD,
    *TAKEN,
    errors.StationNotBookable,
    errors.ConnectorDoesNotFit,
    errors.EvseOutOfService,
    ProviderNotActive,
    VehicleNotInService,
    VehicleRetired,
    DriverNotActive,
)


class ReservationViewSet(ListRetrieveViewSet):
    """Bookings of the company's chargers and vehicles."""

    queryset = Reservation.objects.select_related("station__provider__policy")
    serializer_class = ReservationSerializer
    filterset_class = ReservationFilter
    ordering_fields = ("id", "starts_at")
    idempotency = "required"
    permissions = {
        "list": "reservations.view_reservation",
        "retrieve": "reservations.view_reservation",
        "create": "reservations.add_reservation",
        "change": "reservations.change_reservation",
        "cancel": "reservations.change_reservation",
        "check_in": "reservations.change_reservation",
        "confirm": "reservations.change_reservation",
    }
    input_serializers = {
        "create": ReservationInputSerializer,
        "change": PeriodChangeSerializer,
        "cancel": CancelSerializer,
    }
    errors = {
        "create": BOOKING,
        "change": (*PERIOD, *TAKEN, ProviderNotActive, IllegalMove),
        "cancel": (IllegalMove,),
        "check_in": (errors.CheckInOutsidePeriod, IllegalMove),
        "confirm": (IllegalMove,),
    }

    def create(self, request: Request) -> Response:
        """Book a charger; 409 names the next free windows."""
        return self.respond(services.book(actor=self.actor, **self.read_input()), status=201)

    @action(detail=True, methods=["post"])
    def change(self, request: Request, pk: str) -> Response:
        """Move, extend or shorten a booking."""
        reservation = self.get_object()
        return self.respond(
            services.change_period(reservation, actor=self.actor, **self.read_input())
        )

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a booking off; its time is free at once."""
        reservation = self.get_object()
        return self.respond(services.cancel(reservation, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, pk: str) -> Response:
        """The car is there."""
        return self.respond(services.check_in(self.get_object(), actor=self.actor))

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """The charger has agreed: pending → reserved."""
        return self.respond(services.confirm(self.get_object(), actor=self.actor))


class OwnReservationViewSet(ListRetrieveViewSet):
    """A driver's own bookings."""

    queryset = Reservation.objects.select_related("station__provider__policy")
    serializer_class = ReservationSerializer
    filterset_class = ReservationFilter
    ordering_fields = ("id", "starts_at")
    idempotency = "required"
    permissions = {
        "list": "reservations.book_as_driver",
        "retrieve": "reservations.book_as_driver",
        "create": "reservations.book_as_driver",
        "cancel": "reservations.book_as_driver",
        "check_in": "reservations.book_as_driver",
    }
    input_serializers = {"create": OwnReservationInputSerializer, "cancel": ReasonSerializer}
    errors = {
        "create": (NoDriverRecord, *BOOKING, errors.TooManyReservations, errors.NoShowLimit),
        "cancel": (IllegalMove,),
        "check_in": (errors.CheckInOutsidePeriod, IllegalMove),
    }

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(driver__user_id=self.actor.id or 0)

    def create(self, request: Request) -> Response:
        """Book a charger for a vehicle; 409 names the next free windows."""
        driver = own_driver(self.actor)
        reservation = services.book(
            actor=self.actor, driver=driver, kind=ReservationKind.DRIVER, **self.read_input()
        )
        return self.respond(reservation, status=201)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a booking off; its time is free at once."""
        reservation = self.get_object()
        return self.respond(
            services.cancel(
                reservation,
                actor=self.actor,
                cancel_reason=CancelReason.DRIVER,
                **self.read_input(),
            )
        )

    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, pk: str) -> Response:
        """The car is there."""
        return self.respond(services.check_in(self.get_object(), actor=self.actor))


class ReservationEventViewSet(ListViewSet):
    """The timeline of one booking."""

    queryset = ReservationEvent.objects.all()
    serializer_class = ReservationEventSerializer
    permissions = {"list": "reservations.view_reservationevent"}

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        own = Reservation.objects.for_provider(self.actor.provider_id)
        if not own.filter(pk=self.kwargs["reservation_pk"]).exists():
            raise NotFound()
        return rows.filter(reservation_id=self.kwargs["reservation_pk"])
