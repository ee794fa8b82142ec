"""Jobs that a caller asked for: state, progress, result, error.

Only one's own: whoever may see the result has other ways to it.
"""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from voltop.api.fields import INT8_MAX, InstantField
from voltop.api.permissions import SIGNED_IN
from voltop.api.serializers import Serializer
from voltop.api.views import OperationView
from voltop.errors import NotFound
from voltop.jobs import Job


class JobSerializer(Serializer):
    """`total` is null while it is not known; `result` is empty until the job is done."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=Job.State.choices)
    done = serializers.IntegerField(min_value=0)
    total = serializers.IntegerField(min_value=0, allow_null=True)
    result = serializers.DictField()
    error_code = serializers.CharField()
    error_detail = serializers.CharField()
    created_at = InstantField()
    started_at = InstantField(allow_null=True)
    finished_at = InstantField(allow_null=True)


class JobView(OperationView):
    """One job of the caller's at the active provider."""

    permissions: ClassVar[dict[str, str]] = {"get": SIGNED_IN}
    output_serializers: ClassVar[dict[str, Any]] = {"get": JobSerializer}

    def get(self, request: Request, pk: str) -> Response:
        """How far a job is, and what came of it."""
        key, actor = int(pk), self.actor
        own = Job.objects.filter(provider_id=actor.provider_id, actor=str(actor))
        job = own.filter(pk=key).first() if key <= INT8_MAX else None
        if job is None:
            raise NotFound()
        return Response(JobSerializer(job).data)
