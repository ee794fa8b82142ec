"""The API of webhooks: endpoints, and what became of each event on its way to them."""

from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from fleets.errors import (
    EndpointNotActive,
    EndpointRetired,
    LimitReached,
    ProviderNotActive,
    UnknownEventKind,
)
from fleets.filters import DeliveryFilter, EndpointFilter
from fleets.models import WebhookDelivery, WebhookEndpoint
from fleets.selectors import active_provider
from fleets.serializers import webhooks as shapes
from fleets.services import deliveries, webhooks
from voltop.api.serializers import ReasonSerializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import IllegalMove, ReasonRequired
from voltop.http import UrlNotAllowed


class EndpointView(ListRetrieveViewSet):
    """Addresses that events are pushed to, signed. Secrets are shown once."""

    queryset = WebhookEndpoint.objects.all()
    serializer_class = shapes.EndpointSerializer
    filterset_class = EndpointFilter
    output_serializers = {
        "create": shapes.EndpointWithSecretSerializer,
        "rotate_secret": shapes.EndpointWithSecretSerializer,
        "redeliver_dead": shapes.RedeliveredSerializer,
    }
    input_serializers = {
        "create": shapes.EndpointInputSerializer,
        "partial_update": shapes.EndpointUpdateSerializer,
        "rotate_secret": shapes.RotationInputSerializer,
        "disable": ReasonSerializer,
    }
    statuses = {"test": 202, "redeliver_dead": 202}
    permissions = {
        "list": "fleets.view_webhookendpoint",
        "retrieve": "fleets.view_webhookendpoint",
        "create": "fleets.add_webhookendpoint",
        "partial_update": "fleets.change_webhookendpoint",
        "rotate_secret": "fleets.change_webhookendpoint",
        "enable": "fleets.change_webhookendpoint",
        "disable": "fleets.change_webhookendpoint",
        "test": "fleets.change_webhookendpoint",
        "redeliver_dead": "fleets.change_webhookdelivery",
        "destroy": "fleets.delete_webhookendpoint",
    }
    idempotency = {"create": "refused", "rotate_secret": "refused"}
    errors = {
        "create": (UrlNotAllowed, UnknownEventKind, LimitReached, ProviderNotActive),
        "partial_update": (UrlNotAllowed, UnknownEventKind, EndpointRetired),
        "rotate_secret": (EndpointRetired,),
        "enable": (UrlNotAllowed, IllegalMove),
        "disable": (ReasonRequired, IllegalMove),
        "test": (EndpointNotActive,),
        "redeliver_dead": (EndpointNotActive,),
        "destroy": (IllegalMove,),
    }

    def create(self, request: Request) -> Response:
        """A new endpoint, with the secret that its calls are signed with."""
        endpoint, secret = webhooks.create_endpoint(
            active_provider(self.actor), actor=self.actor, **self.read_input()
        )
        return self._with_secret(endpoint, secret, 201)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Another name, address or choice of events."""
        endpoint = self.get_object()
        values = self.read_input()
        return self.respond(webhooks.change_endpoint(endpoint, actor=self.actor, values=values))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """End the endpoint for good; its secret is destroyed, the record stays."""
        webhooks.retire_endpoint(self.get_object(), actor=self.actor)
        return Response(status=204)

    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, **kwargs: Any) -> Response:
        """A new secret; calls are signed with both until the old one ends."""
        endpoint = self.get_object()
        keep_h = self.read_input()["keep_h"]
        made = webhooks.rotate_secret(endpoint, actor=self.actor, keep_h=keep_h)
        return self._with_secret(*made, 200)

    @action(detail=True, methods=["post"])
    def enable(self, request: Request, **kwargs: Any) -> Response:
        """Send to it again from now on; what was missed is in the feed."""
        endpoint = self.get_object()
        self.read_input()
        return self.respond(webhooks.enable_endpoint(endpoint, actor=self.actor))

    @action(detail=True, methods=["post"])
    def disable(self, request: Request, **kwargs: Any) -> Response:
        """Send nothing until it is enabled again."""
        endpoint = self.get_object()
        reason = self.read_input().get("reason", "")
        return self.respond(webhooks.disable_endpoint(endpoint, actor=self.actor, reason=reason))

    @action(detail=True, methods=["post"])
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send a test event to this endpoint; its delivery is in webhook-deliveries."""
        endpoint = self.get_object()
        self.read_input()
        return self.respond(webhooks.send_test(endpoint, actor=self.actor), status=202)

    @action(detail=True, methods=["post"], url_path="redeliver-dead")
    def redeliver_dead(self, request: Request, **kwargs: Any) -> Response:
        """Send again what was given up, the oldest first, up to 1,000 events."""
        endpoint = self.get_object()
        self.read_input()
        count = deliveries.redeliver_dead(endpoint, actor=self.actor)
        return Response({"count": count}, status=202)

    def _with_secret(self, endpoint: WebhookEndpoint, secret: str, status: int) -> Response:
        endpoint.shown_secret = secret
        response = Response(self.get_serializer(endpoint).data, status=status)
        response["ETag"] = f'"{endpoint.row_version}"'
        return response


class DeliveryView(ListRetrieveViewSet):
    """Each event on its way to each endpoint: attempts, last answer, next try. Kept 30 days."""

    queryset = WebhookDelivery.objects.select_related("event", "message")
    serializer_class = shapes.DeliverySerializer
    filterset_class = DeliveryFilter
    ordering = ("-id",)
    ordering_fields = ("id",)
    statuses = {"redeliver": 202}
    permissions = {
        "list": "fleets.view_webhookdelivery",
        "retrieve": "fleets.view_webhookdelivery",
        "redeliver": "fleets.change_webhookdelivery",
    }
    errors = {"redeliver": (EndpointNotActive, IllegalMove)}

    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, **kwargs: Any) -> Response:
        """Send it again under the same id, whether it was given up or delivered."""
        delivery = self.get_object()
        self.read_input()
        return self.respond(deliveries.redeliver(delivery, actor=self.actor), status=202)
