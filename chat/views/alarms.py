"""Calls for help: alarms and who is on call; a driver's own side is `me/sos`."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from chat import errors, services
from chat.filters import AlarmFilter, OnCallFilter
from chat.models import Alarm, OnCall
from chat.serializers import (
    AlarmSerializer,
    OnCallInputSerializer,
    OnCallMoveSerializer,
    OnCallSerializer,
    OwnAlarmSerializer,
    SosSerializer,
)
from chat.views.callers import person
from drivers.errors import NoDriverRecord
from drivers.selectors import own_driver
from fleets.errors import InvalidPosition, NotAssignable, ProviderNotActive
from fleets.selectors import active_provider
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet, ListViewSet
from voltop.errors import IllegalMove


class AlarmView(ListRetrieveViewSet):
    """Drivers who called for help, with who was paged when."""

    queryset = Alarm.objects.prefetch_related("pages")
    serializer_class = AlarmSerializer
    filterset_class = AlarmFilter
    ordering_fields = ("id", "raised_at")
    permissions = {
        "list": "chat.view_alarm",
        "retrieve": "chat.view_alarm",
        "acknowledge": "chat.change_alarm",
    }
    input_serializers = {"acknowledge": ReasonSerializer}
    errors = {"acknowledge": (IllegalMove,)}

    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Look after the driver: nobody else is called. So does whoever answers the driver."""
        alarm = self.get_object()
        person(self.actor)
        return self.respond(services.acknowledge(alarm, actor=self.actor, **self.read_input()))


class OnCallView(ListRetrieveViewSet):
    """Who is called when a driver needs help, in order; without anybody, owners."""

    queryset = OnCall.objects.all()
    serializer_class = OnCallSerializer
    filterset_class = OnCallFilter
    permissions = {
        "list": "chat.view_oncall",
        "retrieve": "chat.view_oncall",
        "create": "chat.add_oncall",
        "partial_update": "chat.change_oncall",
        "end": "chat.change_oncall",
    }
    input_serializers = {
        "create": OnCallInputSerializer,
        "partial_update": OnCallMoveSerializer,
        "end": ReasonSerializer,
    }
    errors = {"create": (errors.AlreadyOnCall, NotAssignable, ProviderNotActive)}

    def create(self, request: Request) -> Response:
        """Put somebody who answers drivers on call."""
        entry = services.put_on_call(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self.respond(entry, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Call the person sooner or later than others."""
        entry = self.get_object()
        return self.respond(services.move_on_call(entry, actor=self.actor, **self.read_input()))

    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Call the person no more."""
        entry = self.get_object()
        return self.respond(services.take_off_call(entry, actor=self.actor, **self.read_input()))


class OwnSosView(ListViewSet):
    """A driver's own calls for help."""

    queryset = Alarm.objects.all()
    serializer_class = OwnAlarmSerializer
    permissions = {"list": "chat.speak_as_driver", "create": "chat.speak_as_driver"}
    input_serializers = {"create": SosSerializer}
    errors = {"create": (NoDriverRecord, InvalidPosition, errors.MessageMismatch)}

    def narrow_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(conversation__driver__user_id=person(self.actor))

    def create(self, request: Request) -> Response:
        """Call for help now: people are paged until one acknowledges. Write on in `conversation`.

        The same client_id again is the same call.
        """
        driver = own_driver(self.actor)
        alarm = services.call_for_help(driver, actor=self.actor, **self.read_input())
        return self.respond(alarm, status=201)
