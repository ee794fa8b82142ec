"""The shape of events: the same in the feed and in the body of a webhook."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer

from voltop import events
from voltop.api import fields
from voltop.api.serializers import Serializer

EXAMPLE = {
    "id": "evt_019200000000700080000000000000a1",
    "seq": 4711,
    "type": "shift.ended",
    "timestamp": "2026-03-01T16:02:11.120000Z",
    "provider": 1,
    "data": {
        "object": "shift",
        "id": 812,
        "version": 4,
        "changed": ["status", "ends_at"],
        "from_state": "active",
        "to_state": "ended",
        "related": {"driver": 57},
        "actor": "user:57",
    },
}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "description": "Ids of what the object belongs to, by name.",
    }
)
class RelatedField(fields.ObjectField):
    """Ids by name."""


class EventDataSerializer(Serializer):
    object = fields.StrictCharField(max_length=40)
    id = fields.StrictIntegerField()
    version = fields.StrictIntegerField()
    changed = fields.StrictListField(child=fields.StrictCharField(max_length=60), max_length=60)
    from_state = fields.StrictCharField(max_length=24, allow_null=True)
    to_state = fields.StrictCharField(max_length=24, allow_null=True)
    related = RelatedField()
    actor = fields.StrictCharField(max_length=80)


@extend_schema_serializer(examples=[OpenApiExample("A shift ended", EXAMPLE)])
class EventSerializer(Serializer):
    """One event; `seq` counts the company's events without a gap."""

    id = fields.StrictCharField(max_length=40)
    seq = fields.StrictIntegerField()
    type = fields.StrictCharField(max_length=60)
    timestamp = fields.InstantField()
    provider = fields.StrictIntegerField()
    data = EventDataSerializer()  # type: ignore[assignment]  # fields are taken off the class

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return events.as_json(instance)
