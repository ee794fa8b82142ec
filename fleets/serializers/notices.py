"""Shapes of one's own notices, and of how one wants to be told."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

from fleets.models import Notice, NoticeChannel, NoticeChoice
from fleets.services.notices import zone_of
from voltop.api import fields
from voltop.api.serializers import ModelSerializer, Serializer
from voltop.notices import all_kinds, words


class NoticeSerializer(ModelSerializer):
    """`subject` and `text` are in the language of the request; `params` are the values in them."""

    subject = fields.StrictCharField(max_length=200, read_only=True)
    text = fields.StrictCharField(max_length=1000, read_only=True)
    params = fields.ObjectField(read_only=True)

    class Meta:
        model = Notice
        fields = (
            "id",
            "kind",
            "subject",
            "text",
            "params",
            "about_type",
            "about_id",
            "at",
            "read_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, instance: Notice) -> dict[str, Any]:
        kind = all_kinds().get(instance.kind)
        told = words(kind, instance.params, zone_of(instance)) if kind else (instance.kind, "")
        instance.subject, instance.text = told  # type: ignore[attr-defined]
        shown: dict[str, Any] = super().to_representation(instance)
        return shown


def _channels(**kwargs: Any) -> fields.StrictListField:
    child = fields.StrictChoiceField(choices=NoticeChannel.choices)
    return fields.StrictListField(child=child, min_length=0, max_length=3, **kwargs)


class NoticeChoiceSerializer(ModelSerializer):
    """Quiet hours in one's own time zone (UTC: in the company's).

    `has_push_token` says whether the app can be reached; what is sent is in `language`.
    """

    channels = _channels(read_only=True)
    quiet_from = fields.TimeField(read_only=True, allow_null=True)
    quiet_until = fields.TimeField(read_only=True, allow_null=True)
    has_push_token = fields.StrictBooleanField(read_only=True, source="push_token")
    language = fields.StrictChoiceField(
        choices=settings.LANGUAGES, read_only=True, source="user.language"
    )
    time_zone = fields.StrictCharField(max_length=64, read_only=True, source="user.time_zone")

    class Meta:
        model = NoticeChoice
        fields = (
            "channels",
            "quiet_from",
            "quiet_until",
            "has_push_token",
            "language",
            "time_zone",
        )
        read_only_fields = fields

    def to_representation(self, instance: NoticeChoice) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return shown | {"has_push_token": bool(instance.push_token)}


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "By e-mail and in the app, not at night",
            {"channels": ["email", "push"], "quiet_from": "22:00", "quiet_until": "06:30"},
            request_only=True,
        )
    ]
)
class NoticeChoiceInputSerializer(Serializer):
    """What is left away stays. `push_token` is the app's own, as the push gateway knows it."""

    channels = _channels(required=False)
    quiet_from = fields.TimeField(required=False, allow_null=True)
    quiet_until = fields.TimeField(required=False, allow_null=True)
    push_token = fields.StrictCharField(max_length=255, required=False, allow_blank=True)
    language = fields.StrictChoiceField(choices=settings.LANGUAGES, required=False)
    time_zone = fields.StrictCharField(max_length=64, required=False)
