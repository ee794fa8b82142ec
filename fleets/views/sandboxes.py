"""Beginning anew with a company for tests, from inside it."""

from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import NotASandbox, ProviderNotActive, TooManyAttempts
from fleets.selectors import active_provider
from fleets.serializers.sandboxes import SandboxSerializer
from fleets.services import sandboxes
from voltop.api.views import OperationView


class SandboxResetView(OperationView):
    """For test runs: with the credentials that work in the company."""

    permissions = {"post": "fleets.reset_sandbox"}
    output_serializers = {"post": SandboxSerializer}
    statuses = {"post": 201}
    errors = {"post": (NotASandbox, ProviderNotActive, TooManyAttempts)}
    idempotency = "refused"

    def post(self, request: Request) -> Response:
        """A fresh company in place of the one that the caller is in; its access tokens end."""
        company = sandboxes.reset_sandbox(active_provider(self.actor), actor=self.actor)
        return Response(SandboxSerializer(company).data, status=201)
