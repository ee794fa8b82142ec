"""The API of API clients: an owner makes, changes and revokes them."""

from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import (
    ClientRevoked,
    ProviderNotActive,
    SandboxApart,
    SandboxExists,
    TooManyAttempts,
    UnknownScope,
)
from fleets.models import ApiClient
from fleets.selectors import active_provider
from fleets.serializers import auth as shapes
from fleets.serializers.sandboxes import SandboxOpenedSerializer, SandboxSerializer
from fleets.services import api_clients, sandboxes
from voltop.api.viewsets import ListRetrieveViewSet


class ApiClientView(ListRetrieveViewSet):
    """Secrets are shown once, by `create` and `rotate-secret`."""

    queryset = ApiClient.objects.all()
    serializer_class = shapes.ApiClientSerializer
    output_serializers = {
        "create": shapes.ApiClientWithSecretSerializer,
        "rotate_secret": shapes.ApiClientWithSecretSerializer,
        "sandbox": SandboxSerializer,
        "open_sandbox": SandboxOpenedSerializer,
        "reset_sandbox": SandboxSerializer,
        "close_sandbox": None,
    }
    input_serializers = {
        "create": shapes.ApiClientInputSerializer,
        "partial_update": shapes.ApiClientUpdateSerializer,
    }
    permissions = {
        "list": "fleets.view_apiclient",
        "retrieve": "fleets.view_apiclient",
        "create": "fleets.add_apiclient",
        "partial_update": "fleets.change_apiclient",
        "rotate_secret": "fleets.change_apiclient",
        "destroy": "fleets.delete_apiclient",
        "sandbox": "fleets.view_apiclient",
        "open_sandbox": "fleets.add_apiclient",
        "reset_sandbox": "fleets.change_apiclient",
        "close_sandbox": "fleets.delete_apiclient",
    }
    statuses = {"open_sandbox": 201, "reset_sandbox": 201, "close_sandbox": 204}
    idempotency = "refused"
    errors = {
        "create": (UnknownScope,),
        "partial_update": (UnknownScope, ClientRevoked),
        "rotate_secret": (ClientRevoked,),
        "destroy": (ClientRevoked,),
        "open_sandbox": (
            *(ClientRevoked, SandboxApart, SandboxExists),
            *(ProviderNotActive, TooManyAttempts),
        ),
        "reset_sandbox": (ProviderNotActive, TooManyAttempts),
    }

    def create(self, request: Request) -> Response:
        values = self.read_input()
        client, secret = api_clients.create_client(
            active_provider(self.actor),
            actor=self.actor,
            name=values["name"],
            wanted=values["scopes"],
        )
        return self._with_secret(client, secret, 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        client = self.get_object()
        values = self.read_input()
        return self.respond(api_clients.change_client(client, actor=self.actor, values=values))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Revoke the client: it and its tokens end now; the record stays."""
        api_clients.revoke_client(self.get_object(), actor=self.actor)
        return Response(status=204)

    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, **kwargs: Any) -> Response:
        """A new secret; the old one and all tokens end now."""
        client = self.get_object()
        return self._with_secret(*api_clients.rotate_secret(client, actor=self.actor), 200)

    @action(detail=True, methods=["get"])
    def sandbox(self, request: Request, **kwargs: Any) -> Response:
        """The client's company for tests, if it has one."""
        return self.respond(sandboxes.sandbox_of(self.get_object()))

    @sandbox.mapping.post
    def open_sandbox(self, request: Request, **kwargs: Any) -> Response:
        """A company for tests, filled, with a log-in for the program and for two people."""
        opened = sandboxes.open_sandbox(self.get_object(), actor=self.actor)
        return Response(self.get_serializer(opened).data, status=201)

    @sandbox.mapping.delete
    def close_sandbox(self, request: Request, **kwargs: Any) -> Response:
        """Close the company for tests: its people and its program are out."""
        sandboxes.close_sandbox(self.get_object(), actor=self.actor)
        return Response(status=204)

    @action(detail=True, methods=["post"], url_path="sandbox/reset")
    def reset_sandbox(self, request: Request, **kwargs: Any) -> Response:
        """A fresh company for tests in place of the one that is there; log-ins stay."""
        company = sandboxes.sandbox_of(self.get_object())
        return self.respond(sandboxes.reset_sandbox(company, actor=self.actor), status=201)

    def _with_secret(self, client: ApiClient, secret: str, status: int) -> Response:
        client.shown_secret = secret
        response = Response(self.get_serializer(client).data, status=status)
        response["ETag"] = f'"{client.row_version}"'
        return response
