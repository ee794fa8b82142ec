"""Shapes of the inbox."""

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

from fleets.models import InboxItem, InboxState, User
from voltop.api import fields
from voltop.api.serializers import ModelSerializer, Serializer


class InboxItemSerializer(ModelSerializer):
    """`kind` is stable, `title` the same in words; `object_type` and `object_id` name the object.

    `done_by_hand` says whether `done` may be called; without it the item closes with its cause.
    """

    title = fields.StrictCharField(max_length=200, read_only=True)
    urgency = fields.StrictChoiceField(choices=["now", "today", "later"], read_only=True)
    state = fields.StrictChoiceField(choices=InboxState.choices, read_only=True)
    done_by_hand = fields.StrictBooleanField(read_only=True, source="work.done_by_hand")

    class Meta:
        model = InboxItem
        fields = (
            "id",
            "kind",
            "title",
            "urgency",
            "state",
            "object_type",
            "object_id",
            "assignee",
            "due_at",
            "snoozed_until",
            "done_by_hand",
            "done_at",
            "closed_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class InboxAssignSerializer(Serializer):
    assignee = fields.ProviderRelatedField(queryset=User.objects.all(), allow_null=True)


@extend_schema_serializer(
    examples=[OpenApiExample("Until Monday", {"until": "2026-11-30T08:00:00Z"}, request_only=True)]
)
class SnoozeSerializer(Serializer):
    """`until` null takes the item up again."""

    until = fields.InstantField(allow_null=True)
