"""Charging sessions: read, and taken in bulk."""

from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from reservations import services
from reservations.filters import SessionFilter
from reservations.models import ChargingSession
from reservations.serializers import (
    SessionSerializer,
    SessionsSerializer,
)
from voltop.api import bulk
from voltop.api.viewsets import ListRetrieveViewSet


class SessionViewSet(ListRetrieveViewSet):
    """What chargers gave to cars."""

    queryset = ChargingSession.objects.all()
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    ordering_fields = ("id", "starts_at")
    permissions = {
        "list": "reservations.view_chargingsession",
        "retrieve": "reservations.view_chargingsession",
        "bulk": "reservations.add_chargingsession",
    }
    input_serializers = {"bulk": SessionsSerializer}
    output_serializers = {"bulk": bulk.BulkAnswersSerializer}

    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Up to 1,000 sessions of a station, an answer each; sending one again changes nothing.

        One that runs (no end) may be sent again, further on or with its end.
        """
        values = self.read_input()
        rows: list[bulk.BulkRow] = values["rows"]
        valid = [
            services.SessionRow(**({"ends_at": None} | row.values))
            for row in rows
            if row.values is not None
        ]
        taken = iter(services.import_sessions(values["station"], valid, actor=self.actor))
        results: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            if row.problem is not None:
                results.append(bulk.refused(index, row.problem))
                continue
            result = next(taken)
            results.append(bulk.answer(index, result.error, outcome=result.outcome, key=result.id))
        return self.respond(bulk.answers(results))
