"""Charging sessions: read, and taken in bulk."""

from collections import Counter
from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from reservations import services
from reservations.filters import SessionFilter
from reservations.models import ChargingSession
from reservations.serializers import (
    SessionAnswersSerializer,
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
    output_serializers = {"bulk": SessionAnswersSerializer}

    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Up to 1,000 sessions of a station, an answer each; sending one again changes nothing."""
        values = self.read_input()
        rows: list[bulk.BulkRow] = values["sessions"]
        valid = [
            services.SessionRow(**({"ends_at": None} | row.values))
            for row in rows
            if row.values is not None
        ]
        taken = iter(services.import_sessions(values["station"], valid, actor=self.actor))
        results: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            if row.problem is not None:
                refused = bulk.refused(index, row.problem)
                results.append({**refused, "outcome": "refused", "id": None})
                continue
            result = next(taken)
            outcome = "created" if result.created else "duplicate"
            results.append(
                {
                    **bulk.answer(index, result.error),
                    "outcome": "refused" if result.error else outcome,
                    "id": result.id,
                }
            )
        counts = Counter(result["outcome"] for result in results)
        return self.respond(
            {
                "created": counts["created"],
                "duplicate": counts["duplicate"],
                "refused": counts["refused"],
                "results": results,
            }
        )
