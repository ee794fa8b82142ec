"""The batch API: the hottest route of the house, with nothing on it but what has to be."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from fleets.authentication import BearerAuthentication
from telemetry import services
from telemetry.authentication import SourceAuthentication
from telemetry.errors import SourceDisabled, TooManySamples
from telemetry.principals import SEND_SAMPLES, SourcePrincipal
from telemetry.samples import Rejection
from telemetry.serializers import IngestResultSerializer, SampleBatchSerializer
from voltop.api import errors
from voltop.api.parsers import require_json
from voltop.api.views import OperationView
from voltop.errors import PermissionDenied


class SamplesView(OperationView):
    """Send up to 5,000 samples of vehicles, with the token of a telemetry source.

    Each sample is judged by itself: the answer counts what was accepted and what was known
    already, and lists what was refused. It comes after the commit. Sending a batch again does no
    harm. Samples may come late and in any order. Unknown fields are ignored with a warning; where
    a key stands twice in one object, the last one counts.
    """

    authentication_classes = (SourceAuthentication, BearerAuthentication)
    permissions = {"post": SEND_SAMPLES}
    input_serializers = {"post": SampleBatchSerializer}
    output_serializers = {"post": IngestResultSerializer}
    errors = {
        "post": (
            SourceDisabled,
            TooManySamples,
            errors.BodyRequired,
            errors.BadGzip,
            errors.MalformedJson,
        )
    }
    body_max_bytes = 5_000_000
    gzip_max_bytes = 20_000_000

    def post(self, request: Request) -> Response:
        principal: object = request.user
        if not isinstance(principal, SourcePrincipal):
            raise PermissionDenied(permission=SEND_SAMPLES)
        require_json(request.META.get("CONTENT_TYPE", ""))
        result = services.ingest_body(principal.source, self.read_body(), actor=self.actor)
        return Response(_shape(result))


def _shape(result: services.IngestResult) -> dict[str, Any]:
    ignored = result.unknown_fields
    return {
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "quarantined": result.quarantined,
        "rejected": [_shape_rejected(rejection) for rejection in result.rejected],
        "warnings": [{"code": "unknown_field", "fields_ignored": ignored}] if ignored else [],
    }


def _shape_rejected(rejection: Rejection) -> dict[str, Any]:
    error = rejection.error
    return {
        "index": rejection.index,
        "ref": rejection.ref,
        "code": error.code,
        "field": error.field,
        "message": str(error.detail),
    }
