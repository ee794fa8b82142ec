"""Shapes of webhook endpoints and deliveries."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

from fleets.models import WebhookDelivery, WebhookEndpoint
from voltop import events
from voltop.api import fields
from voltop.api.serializers import ModelSerializer, Serializer
from voltop.http import MAX_URL_CHARS


def _kinds(**kwargs: Any) -> fields.StrictListField:
    child = fields.StrictCharField(max_length=60)
    return fields.StrictListField(child=child, min_length=1, max_length=50, **kwargs)


class EndpointSerializer(ModelSerializer):
    kinds = _kinds(read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            "id",
            "name",
            "url",
            "kinds",
            "status",
            "disabled_reason",
            "failing_since",
            "previous_until",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class EndpointWithSecretSerializer(EndpointSerializer):
    """With the secret, which is shown this once."""

    secret = fields.StrictCharField(max_length=80, read_only=True, source="shown_secret")

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Shifts and payments",
            {
                "name": "Payroll",
                "url": "https://hooks.example.com/voltop",
                "kinds": ["shift.ended", "payment.*"],
            },
            request_only=True,
        )
    ]
)
class EndpointInputSerializer(Serializer):
    name = fields.StrictCharField(max_length=80)
    url = fields.StrictCharField(max_length=MAX_URL_CHARS)
    kinds = _kinds()


class EndpointUpdateSerializer(Serializer):
    name = fields.StrictCharField(max_length=80, required=False)
    url = fields.StrictCharField(max_length=MAX_URL_CHARS, required=False)
    kinds = _kinds(required=False)


class RotationInputSerializer(Serializer):
    """`keep_h`: for how long the old secret goes on signing beside the new one."""

    keep_h = fields.StrictIntegerField(min_value=0, max_value=168, required=False, default=24)


class RedeliveredSerializer(Serializer):
    count = fields.StrictIntegerField(min_value=0)


class AttemptSerializer(Serializer):
    at = fields.InstantField()
    status = fields.StrictIntegerField(allow_null=True)
    error = fields.StrictCharField(max_length=200, allow_blank=True)
    ms = fields.StrictIntegerField()

    def to_representation(self, instance: Any) -> Any:
        return instance  # written by the sender, as JSON already


class DeliverySerializer(ModelSerializer):
    """`event` is the id that the endpoint knows it by, `next_try_at` null once it has ended."""

    event = fields.StrictCharField(max_length=40, read_only=True)
    event_seq = fields.StrictIntegerField(source="event.seq", read_only=True)
    type = fields.StrictCharField(source="event.kind", max_length=60, read_only=True)
    next_try_at = fields.InstantField(read_only=True, allow_null=True)
    log = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "endpoint",
            "event",
            "event_seq",
            "type",
            "status",
            "attempts",
            "last_status",
            "last_error",
            "last_attempt_at",
            "next_try_at",
            "delivered_at",
            "log",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, instance: WebhookDelivery) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return shown | {"event": events.public_id(instance.event)}
