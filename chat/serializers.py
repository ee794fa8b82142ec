"""Shapes of chat's API. Bodies are plain text; no HTML in or out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework.fields import Field

from chat.models import (
    Alarm,
    Announcement,
    Attachment,
    AuthorKind,
    CannedReply,
    Conversation,
    ConversationStatus,
    InternalNote,
    Message,
    OnCall,
    Page,
    Priority,
    ReadMark,
    SlaPolicy,
    Topic,
)
from chat.services.attachments import MOST as MOST_FILES
from drivers.models import Driver
from fleets.models import Depot, User
from voltop import files
from voltop.api.fields import (
    INT8_MAX,
    Base64Field,
    InstantField,
    LatitudeField,
    LongitudeField,
    ObjectField,
    ProviderRelatedField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictListField,
    base64_schema,
)
from voltop.api.serializers import ModelSerializer, Serializer
from voltop.jobs import MOST_FAILURES, Job
from voltop.tables import StoredFile


class ConversationSerializer(ModelSerializer):
    class Meta:
        model = Conversation
        fields = (
            "id",
            "number",
            "driver",
            "topic",
            "about_type",
            "about_id",
            "priority",
            "status",
            "assignee",
            "language",
            "last_seq",
            "last_message_at",
            "first_response_due_at",
            "first_responded_at",
            "waiting_since",
            "due_at",
            "warned_at",
            "escalated_at",
            "held_s",
            "resolved_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class OwnConversationSerializer(ModelSerializer):
    """As the driver sees it: without who works on it."""

    class Meta:
        model = Conversation
        fields = (
            "id",
            "number",
            "topic",
            "about_type",
            "about_id",
            "status",
            "last_seq",
            "last_message_at",
            "resolved_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AttachmentSerializer(ModelSerializer):
    """The file itself stands at `…/attachments/{id}/file`; `seq` is null until it was sent."""

    seq = StrictIntegerField(source="message.seq", read_only=True, allow_null=True, default=None)
    name = StrictCharField(max_length=120, source="file.name", read_only=True)
    content_type = StrictChoiceField(
        choices=StoredFile.ContentType.choices, source="file.content_type", read_only=True
    )
    size_bytes = StrictIntegerField(source="file.size_bytes", read_only=True)

    class Meta:
        model = Attachment
        fields = ("id", "seq", "name", "content_type", "size_bytes", "created_at", "updated_at")
        read_only_fields = fields


class SentFileSerializer(Serializer):
    id = StrictIntegerField()
    name = StrictCharField(max_length=120)
    content_type = StrictChoiceField(choices=StoredFile.ContentType.choices)
    size_bytes = StrictIntegerField()


@extend_schema_field(SentFileSerializer(many=True))
class SentFilesField(Field):
    """The files of a message; its queryset has fetched them."""

    def __init__(self) -> None:
        super().__init__(source="*", read_only=True)

    def to_representation(self, message: Message) -> list[dict[str, Any]]:
        if not message.attachment_count:
            return []
        return [
            {
                "id": sent.pk,
                "name": sent.file.name,
                "content_type": sent.file.content_type,
                "size_bytes": sent.file.size_bytes,
            }
            for sent in message.attachments.all()
        ]


class MessageSerializer(ModelSerializer):
    attachments = SentFilesField()

    class Meta:
        model = Message
        fields = ("seq", "author_kind", "author", "body", "attachments", "client_id", "sent_at")
        read_only_fields = fields


class OwnMessageSerializer(ModelSerializer):
    """As the driver sees it: staff are "staff", not a number of a person."""

    attachments = SentFilesField()

    class Meta:
        model = Message
        fields = ("seq", "author_kind", "body", "attachments", "client_id", "sent_at")
        read_only_fields = fields


class FoundMessageSerializer(ModelSerializer):
    attachments = SentFilesField()

    class Meta:
        model = Message
        fields = ("conversation", *MessageSerializer.Meta.fields)
        read_only_fields = fields


class NoteSerializer(ModelSerializer):
    class Meta:
        model = InternalNote
        fields = ("id", "author", "body", "written_at")
        read_only_fields = fields


class ReadMarkSerializer(ModelSerializer):
    class Meta:
        model = ReadMark
        fields = ("conversation", "seq")
        read_only_fields = fields


def _attachments() -> StrictListField:
    ids = StrictIntegerField(min_value=1, max_value=INT8_MAX)
    return StrictListField(child=ids, max_length=MOST_FILES, required=False)


class MessageInputSerializer(Serializer):
    """A text, or files that were handed in before, or both."""

    body = StrictCharField(max_length=4000, multiline=True, required=False, allow_blank=True)
    attachments = _attachments()
    client_id = StrictCharField(max_length=64, required=False)

    schema_example = {"body": "The plug is broken.", "client_id": "phone-17"}


@extend_schema_field(
    base64_schema(
        files.MAX_BYTES,
        "A photo (JPEG, PNG or WebP) or a PDF, up to 10 MB, as base64.",
        "/9j/4AAQSkZJRg==",
    )
)
class FileField(Base64Field):
    """A photo or PDF, as it came: `voltop.files.prepare` looks through it."""


class AttachmentInputSerializer(Serializer):
    content = FileField()
    file_name = StrictCharField(max_length=200, required=False, allow_blank=True)


class NoteInputSerializer(Serializer):
    body = StrictCharField(max_length=4000, multiline=True)


class OwnConversationInputSerializer(Serializer):
    body = StrictCharField(max_length=4000, multiline=True)
    client_id = StrictCharField(max_length=64, required=False)
    topic = StrictChoiceField(choices=Topic.choices)
    about_type = StrictCharField(max_length=64, required=False, allow_blank=True)
    about_id = StrictIntegerField(min_value=1, max_value=INT8_MAX, required=False, allow_null=True)


class ConversationInputSerializer(OwnConversationInputSerializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    priority = StrictChoiceField(choices=Priority.choices, required=False)


class AssignSerializer(Serializer):
    assignee = ProviderRelatedField(queryset=User.objects.all(), allow_null=True)


class ReadSerializer(Serializer):
    seq = StrictIntegerField(min_value=0)


class HelloFrameSerializer(Serializer):
    """Of the socket: its first frame, beside `type` and `ticket`."""

    side = StrictChoiceField(choices=[("staff", "staff"), ("driver", "driver")], required=False)


class NamedFrameSerializer(Serializer):
    conversation = StrictIntegerField(min_value=1, max_value=INT8_MAX)


class FollowFrameSerializer(NamedFrameSerializer):
    after = StrictIntegerField(min_value=0)


class SendFrameSerializer(NamedFrameSerializer):
    body = StrictCharField(max_length=4000, multiline=True, required=False, allow_blank=True)
    attachments = _attachments()
    client_id = StrictCharField(max_length=64)


class OpenFrameSerializer(OwnConversationInputSerializer):
    client_id = StrictCharField(max_length=64)


class ReadFrameSerializer(NamedFrameSerializer):
    seq = StrictIntegerField(min_value=0)


class PrioritySerializer(Serializer):
    priority = StrictChoiceField(choices=Priority.choices)


RULES = (
    "opening_hours",
    "holidays_off",
    "urgent_always",
    "urgent_first_min",
    "urgent_next_min",
    "high_first_min",
    "high_next_min",
    "normal_first_min",
    "normal_next_min",
    "warn_min",
    "off_hours_answer",
    "resolve_after_days",
    "resolve_notice_days",
)


class SlaPolicySerializer(ModelSerializer):
    class Meta:
        model = SlaPolicy
        fields = ("id", *RULES, "created_at", "updated_at")
        read_only_fields = fields


def _minutes() -> StrictIntegerField:
    return StrictIntegerField(min_value=1, max_value=100_000, required=False, allow_null=True)


class SlaPolicyInputSerializer(Serializer):
    opening_hours = ObjectField(max_bytes=4096, required=False)
    holidays_off = StrictBooleanField(required=False)
    urgent_always = StrictBooleanField(required=False)
    urgent_first_min = _minutes()
    urgent_next_min = _minutes()
    high_first_min = _minutes()
    high_next_min = _minutes()
    normal_first_min = _minutes()
    normal_next_min = _minutes()
    warn_min = StrictIntegerField(min_value=0, max_value=10_000, required=False)
    off_hours_answer = StrictBooleanField(required=False)
    resolve_after_days = StrictIntegerField(
        min_value=1, max_value=365, required=False, allow_null=True
    )
    resolve_notice_days = StrictIntegerField(min_value=0, max_value=30, required=False)

    schema_example = {
        "opening_hours": {"mon": [["08:00", "13:00"], ["14:00", "18:00"]]},
        "normal_first_min": 60,
        "normal_next_min": 240,
        "resolve_after_days": 7,
    }


class PageSerializer(ModelSerializer):
    class Meta:
        model = Page
        fields = ("number", "user", "status", "paged_at", "ended_at")
        read_only_fields = fields


class AlarmSerializer(ModelSerializer):
    pages = PageSerializer(many=True, read_only=True)

    class Meta:
        model = Alarm
        fields = (
            "id",
            "conversation",
            "cause",
            "latitude",
            "longitude",
            "status",
            "raised_at",
            "next_page_at",
            "acknowledged_at",
            "acknowledged_by",
            "pages",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class OwnAlarmSerializer(ModelSerializer):
    """As the driver sees it: whether somebody has it, not who."""

    class Meta:
        model = Alarm
        fields = (
            "id",
            "conversation",
            "cause",
            "latitude",
            "longitude",
            "status",
            "raised_at",
            "acknowledged_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class SosSerializer(Serializer):
    body = StrictCharField(max_length=4000, multiline=True, required=False, allow_blank=True)
    latitude = LatitudeField(required=False, allow_null=True)
    longitude = LongitudeField(required=False, allow_null=True)
    client_id = StrictCharField(max_length=64, required=False)


class OnCallSerializer(ModelSerializer):
    class Meta:
        model = OnCall
        fields = ("id", "user", "position", "ended_at", "created_at", "updated_at")
        read_only_fields = fields


class OnCallMoveSerializer(Serializer):
    position = StrictIntegerField(min_value=1, max_value=1000)


class OnCallInputSerializer(Serializer):
    user = ProviderRelatedField(queryset=User.objects.all())
    position = StrictIntegerField(min_value=1, max_value=1000, required=False)


class CannedReplySerializer(ModelSerializer):
    class Meta:
        model = CannedReply
        fields = (
            "id",
            "shortcut",
            "language",
            "body",
            "retired_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class CannedReplyUpdateSerializer(Serializer):
    shortcut = StrictCharField(max_length=40, required=False)
    language = StrictCharField(max_length=5, required=False)
    body = StrictCharField(max_length=4000, multiline=True, required=False)


class CannedReplyInputSerializer(CannedReplyUpdateSerializer):
    shortcut = StrictCharField(max_length=40)
    body = StrictCharField(max_length=4000, multiline=True)

    schema_example = {
        "shortcut": "payday",
        "language": "en",
        "body": "Hello {{first_name}}, payday is Friday. {{agent}}, {{company}}",
    }


class FilledInSerializer(Serializer):
    conversation = ProviderRelatedField(queryset=Conversation.objects.all())


class FilledInTextSerializer(Serializer):
    body = StrictCharField(max_length=8000, multiline=True)


class AnnouncementSerializer(ModelSerializer):
    """`job` says how far it is: to how many (`done`) of `total` drivers it was written. To whom it
    could not be written stands in `missed_drivers`; then its state is `failed` in the end."""

    state = StrictChoiceField(choices=Job.State.choices, source="job.state", read_only=True)
    done = StrictIntegerField(source="written", read_only=True)
    total = StrictIntegerField(source="job.total", read_only=True)
    missed_drivers = StrictListField(
        child=StrictIntegerField(), max_length=MOST_FAILURES, read_only=True
    )

    class Meta:
        model = Announcement
        fields = (
            "id",
            "author",
            "topic",
            "body",
            "depot",
            "audience",
            "job",
            "state",
            "done",
            "total",
            "missed_drivers",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AnnouncementInputSerializer(Serializer):
    body = StrictCharField(max_length=4000, multiline=True)
    topic = StrictChoiceField(choices=Topic.choices, required=False)
    depot = ProviderRelatedField(queryset=Depot.objects.all(), required=False, allow_null=True)
    audience = StrictCharField(max_length=24, required=False, allow_blank=True)

    schema_example = {"body": "The depot is closed tomorrow.", "audience": "on_shift"}


class TranscriptMessageSerializer(Serializer):
    seq = StrictIntegerField(min_value=1)
    author_kind = StrictChoiceField(choices=AuthorKind.choices)
    author = StrictCharField(max_length=200)
    sent_at = InstantField()
    body = StrictCharField(max_length=4000, multiline=True, allow_blank=True)
    attachments = StrictListField(child=StrictCharField(max_length=120), max_length=MOST_FILES)


class TranscriptConversationSerializer(Serializer):
    number = StrictIntegerField(min_value=1)
    topic = StrictChoiceField(choices=Topic.choices)
    about = StrictCharField(max_length=300, allow_blank=True)
    status = StrictChoiceField(choices=ConversationStatus.choices)
    began_at = InstantField()
    resolved_at = InstantField(allow_null=True)
    messages = TranscriptMessageSerializer(many=True)


class TranscriptSerializer(Serializer):
    driver = StrictCharField(max_length=200)
    company = StrictCharField(max_length=120)
    made_at = InstantField()
    conversations = TranscriptConversationSerializer(many=True)
