"""What a driver's phone asks for as a whole: its day, and what it has queued, in one request."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response

from drivers.errors import NoDriverRecord
from drivers.selectors import own_driver
from drivers.serializers import SyncAnswersSerializer, SyncSerializer, TodaySerializer
from voltop import clock, today
from voltop.api import offline
from voltop.api.renderers import render_json
from voltop.api.views import OperationView

OWN = "drivers.own_day"


class TodayView(OperationView):
    """A driver's day at a glance, in at most 8 KB."""

    permissions = {"get": OWN}
    output_serializers = {"get": TodaySerializer}
    errors = {"get": (NoDriverRecord,)}
    conditional = ("get",)

    def get(self, request: Request) -> Response:
        """Shift, car, what a start would miss, hours, income, bookings, balance, papers, notices.

        With the `If-None-Match` of a day that is still as it was, 304 without a body.
        """
        driver = own_driver(self.actor)
        day, tag = today.compose(driver, self.principal, clock.now(), render_json)
        known = [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]
        if tag in known:
            return Response(status=304, headers={"ETag": tag})
        return Response(day, headers={"ETag": tag})


class SyncView(OperationView):
    """Up to 50 events that a phone queued while it had no network."""

    permissions = {"post": OWN}
    input_serializers = {"post": SyncSerializer}
    output_serializers = {"post": SyncAnswersSerializer}
    errors = {"post": (NoDriverRecord,)}

    def post(self, request: Request) -> Response:
        """An answer each; the same event sent again is applied once and answered alike.

        Taken in the order of `occurred_at`, each by itself: one that is refused spoils no other.
        """
        driver, at = own_driver(self.actor), clock.now()
        values = self.read_input()
        sender = offline.Sender(driver, self.principal, self.serializer_context())
        rows, sent_at = values["events"], values.get("sent_at")
        found = offline.answer_events(sender, rows, sent_at=sent_at, at=at)
        sent = cast(Any, self.request.data)["events"]
        answers = [
            {"index": index, "client_id": _client_id(sent[index]), **answer}
            for index, answer in enumerate(found)
        ]
        return Response(SyncAnswersSerializer({"answers": answers, "at": at}).data)


def _client_id(event: Any) -> str:
    """As it was sent, also where the event itself is not valid."""
    found = event.get("client_id") if isinstance(event, dict) else None
    return found[:64] if isinstance(found, str) else ""
