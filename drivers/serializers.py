"""Shapes of drivers' API: what is shown, and what may be sent. Rules live in the services."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework.serializers import ListSerializer

from drivers import identities
from drivers.models import (
    DocumentStatus,
    Driver,
    DriverDocument,
    DriverEvent,
    Engagement,
    EngagementKind,
    FaceCheck,
    FacePurpose,
    PayoutAccount,
    PayoutAccountKind,
)
from drivers.services.faces import MAX_PHOTO_BYTES
from fleets.models import Depot, DriverPaper
from fleets.records import RefsField
from voltop import files, today
from voltop.api.bulk import BulkErrorSerializer, BulkField
from voltop.api.fields import (
    Base64Field,
    DateField,
    EmailField,
    InstantField,
    ObjectField,
    ProviderRelatedField,
    SecretField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictListField,
    base64_schema,
)
from voltop.api.offline import MOST_EVENTS
from voltop.api.serializers import ModelSerializer, ReasonSerializer, Serializer
from voltop.tables import StoredFile

SEE_IDENTITY = "drivers.view_identity"


class IdentityField(StrictCharField):
    """A number that is opened for whoever may see it alone."""

    def get_attribute(self, driver: Driver) -> Any:
        return driver.national_id if _sees_identity(self.context) else None


class DriversSerializer(ListSerializer):
    """Many drivers: their numbers are opened at once."""

    def to_representation(self, data: Any) -> Any:
        rows = list(data)
        if _sees_identity(self.context):
            identities.open_all(rows)
        return super().to_representation(rows)


def _sees_identity(context: Mapping[str, Any]) -> bool:
    found: bool = context["request"].user.has_perm(SEE_IDENTITY)
    return found


class DriverSerializer(ModelSerializer):
    """`national_id` and `birth_date` are null for callers without `drivers.view_identity`."""

    refs = RefsField()
    national_id = IdentityField(
        max_length=32,
        read_only=True,
        allow_null=True,
        help_text="Null where the caller may not see it; empty where it is not known.",
    )

    class Meta:
        model = Driver
        list_serializer_class = DriversSerializer
        fields = (
            "id",
            "status",
            "employee_number",
            "given_name",
            "family_name",
            "phone",
            "email",
            "national_id",
            "birth_date",
            "language",
            "emergency_contact_name",
            "emergency_contact_phone",
            "hired_on",
            "joined_at",
            "depot",
            "refs",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, driver: Driver) -> dict[str, Any]:
        shown = super().to_representation(driver)
        if not _sees_identity(self.context):
            shown["birth_date"] = None
        return shown


class DriverUpdateSerializer(Serializer):
    """PATCH: every field on its own."""

    given_name = StrictCharField(max_length=80, required=False)
    family_name = StrictCharField(max_length=80, required=False)
    phone = StrictCharField(max_length=24, required=False, allow_blank=True)
    email = EmailField(required=False, allow_blank=True)
    employee_number = StrictCharField(max_length=32, required=False, allow_blank=True)
    national_id = StrictCharField(max_length=32, required=False, allow_blank=True)
    birth_date = DateField(required=False, allow_null=True)
    language = StrictChoiceField(choices=["en", "es", "pt", "de"], required=False)
    emergency_contact_name = StrictCharField(max_length=120, required=False, allow_blank=True)
    emergency_contact_phone = StrictCharField(max_length=24, required=False, allow_blank=True)
    hired_on = DateField(required=False, allow_null=True)
    depot = ProviderRelatedField(
        queryset=Depot.objects.filter(retired_at__isnull=True), required=False, allow_null=True
    )


class DriverInviteSerializer(DriverUpdateSerializer):
    """POST: names and a way to log in."""

    given_name = StrictCharField(max_length=80)
    family_name = StrictCharField(max_length=80)


class TerminateSerializer(ReasonSerializer):
    """`override_reason` sets aside what of the driver's is open and may be."""

    override_reason = StrictCharField(max_length=500, required=False, allow_blank=True)


class DriverEventSerializer(ModelSerializer):
    class Meta:
        model = DriverEvent
        fields = ("id", "from_state", "to_state", "actor", "at", "reason")
        read_only_fields = fields


class EngagementSerializer(ModelSerializer):
    class Meta:
        model = Engagement
        fields = ("id", "driver", "kind", "starts_on", "ends_on", "cost_centre", "updated_at")
        read_only_fields = fields


class EngagementStartSerializer(Serializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    kind = StrictChoiceField(choices=EngagementKind.choices)
    starts_on = DateField()
    ends_on = DateField(required=False, allow_null=True)
    cost_centre = StrictCharField(max_length=32, required=False, allow_blank=True)


class EngagementEndSerializer(Serializer):
    ends_on = DateField()


class PayoutAccountSerializer(ModelSerializer):
    """Numbers are never shown, only their masks."""

    class Meta:
        model = PayoutAccount
        fields = (
            "id",
            "driver",
            "kind",
            "holder_name",
            "holder_tax_mask",
            "mask",
            "hold_until",
            "retired_at",
            "created_at",
        )
        read_only_fields = fields


class AccountDetailsSerializer(Serializer):
    """By kind: iban | clabe | key_kind and key | bank, branch, account | routing, account."""

    schema_example = {"iban": "DE89370400440532013000"}

    iban = StrictCharField(max_length=42, required=False)
    clabe = StrictCharField(max_length=24, required=False)
    key_kind = StrictCharField(max_length=8, required=False)
    key = StrictCharField(max_length=77, required=False)
    bank = StrictCharField(max_length=12, required=False)
    branch = StrictCharField(max_length=12, required=False)
    routing = StrictCharField(max_length=12, required=False)
    account = StrictCharField(max_length=24, required=False)


class PayoutAccountSetSerializer(Serializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    kind = StrictChoiceField(choices=PayoutAccountKind.choices)
    details = AccountDetailsSerializer()
    holder_name = StrictCharField(max_length=120)
    holder_tax_id = StrictCharField(max_length=32, required=False, allow_blank=True)


# --- Papers --------------------------------------------------------------------------------------
@extend_schema_field(
    base64_schema(
        files.MAX_BYTES,
        "A photo (JPEG, PNG or WebP) or a PDF, up to 10 MB, as base64.",
        "/9j/4AAQSkZJRg==",
    )
)
class PaperField(Base64Field):
    """A photo or PDF, as it came: `voltop.files.prepare` looks through it."""


def _categories(**kwargs: Any) -> StrictListField:
    child = StrictCharField(max_length=8)
    return StrictListField(child=child, max_length=20, **kwargs)


class StoredFileSerializer(ModelSerializer):
    class Meta:
        model = StoredFile
        fields = ("name", "content_type", "size_bytes")
        read_only_fields = fields


class DocumentSerializer(ModelSerializer):
    """The number is never shown, only its mask; the file stands at `…/file`.

    `refusal` tells why it was rejected; `categories` are those of a driving licence; `file` is null
    of a paper that was read from another register.
    """

    categories = _categories(read_only=True)
    file = StoredFileSerializer(read_only=True, allow_null=True)

    class Meta:
        model = DriverDocument
        fields = (
            "id",
            "driver",
            "kind",
            "status",
            "country",
            "number_mask",
            "categories",
            "issued_on",
            "expires_on",
            "refusal",
            "file",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class DocumentCorrectSerializer(Serializer):
    """PATCH: what was written down of the paper, each on its own."""

    kind = StrictChoiceField(choices=DriverPaper.choices, required=False)
    country = StrictCharField(max_length=2, required=False, allow_blank=True)
    number = StrictCharField(max_length=64, required=False, allow_blank=True)
    categories = _categories(required=False)
    issued_on = DateField(required=False, allow_null=True)
    expires_on = DateField(required=False, allow_null=True)


class DocumentRowSerializer(DocumentCorrectSerializer):
    """A row of another register: the paper of a driver, without its file."""

    driver = ProviderRelatedField(queryset=Driver.objects.all())
    kind = StrictChoiceField(choices=DriverPaper.choices)


class OwnDocumentInputSerializer(DocumentCorrectSerializer):
    """POST: the paper, and what stands on it."""

    schema_example: ClassVar[dict[str, Any]] = {
        "kind": "driving_licence",
        "country": "MX",
        "number": "LIC-004217",
        "expires_on": "2029-03-31",
        "file_name": "licence.jpg",
        "content": "/9j/4AAQSkZJRg==",
    }

    kind = StrictChoiceField(choices=DriverPaper.choices)
    file_name = StrictCharField(max_length=200, required=False, allow_blank=True)
    content = PaperField()


class DocumentInputSerializer(OwnDocumentInputSerializer):
    """POST: a paper for a driver of the company."""

    schema_example: ClassVar[dict[str, Any]] = {
        "driver": 12,
        **OwnDocumentInputSerializer.schema_example,
    }

    driver = ProviderRelatedField(queryset=Driver.objects.all())


STATES = [*DocumentStatus.choices, ("missing", "missing")]


class StandingSerializer(Serializer):
    """How one demanded paper stands; `document` is the one that says so."""

    kind = StrictChoiceField(choices=DriverPaper.choices, read_only=True)
    state = StrictChoiceField(choices=STATES, read_only=True)
    expires_on = DateField(read_only=True, allow_null=True)
    document = StrictIntegerField(source="document.pk", read_only=True, allow_null=True)


class StandingsSerializer(Serializer):
    """All papers that the company demands."""

    papers = StandingSerializer(many=True, read_only=True)


# --- The phone -----------------------------------------------------------------------------------
class TodaySerializer(Serializer):
    """What the apps' parts show, each for whoever may see it. `left_out`: had no room in 8 KB."""

    left_out = StrictListField(child=StrictCharField(max_length=40), max_length=20)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for part in today.parts():
            for name, shape in part.shapes.items():
                fields[name] = today.field_of(shape, required=False, allow_null=True)
        return fields


class SyncEventSerializer(Serializer):
    """`kind`: see docs/drivers.md; `data`: what the same operation below `me/` takes."""

    client_id = StrictCharField(max_length=64)
    kind = StrictCharField(max_length=40)
    occurred_at = InstantField()
    data = ObjectField(required=False)  # type: ignore[assignment]  # DRF's own is another


class SyncSerializer(Serializer):
    """`sent_at` is what the phone's clock shows now: by how much it is off, times are put right."""

    schema_example: ClassVar[dict[str, Any]] = {
        "events": [
            {
                "client_id": "0d3f6a1c-start",
                "kind": "shift.start",
                "occurred_at": "2026-03-02T14:00:00Z",
                "data": {},
            }
        ],
        "sent_at": "2026-03-02T14:20:00Z",
    }

    events = BulkField(child=SyncEventSerializer(), max_length=MOST_EVENTS)
    sent_at = InstantField(required=False, allow_null=True)


class SyncAnswerSerializer(Serializer):
    """`id` is the object that came of it. `later`: keep the event, and send it again."""

    schema_values: ClassVar[dict[str, Any]] = {
        "index": 0,
        "client_id": "0d3f6a1c-start",
        "code": "",
        "detail": "",
    }

    index = StrictIntegerField(min_value=0)
    client_id = StrictCharField(max_length=64)
    status = StrictChoiceField(choices=["done", "refused", "later"])
    id = StrictIntegerField(min_value=1, allow_null=True)
    code = StrictCharField(max_length=60)
    detail = StrictCharField(max_length=1000)
    errors = BulkErrorSerializer(many=True)  # type: ignore[assignment]  # DRF's own is another
    extra = ObjectField()


class SyncAnswersSerializer(Serializer):
    """An answer per event, in the order in which they were sent; `at` is the server's clock."""

    answers = SyncAnswerSerializer(many=True)
    at = InstantField()


# --- Faces ---------------------------------------------------------------------------------------
@extend_schema_field(
    base64_schema(
        MAX_PHOTO_BYTES, "A photo of one face, up to 2 MB, as base64.", "/9j/4AAQSkZJRg=="
    )
)
class SelfieField(Base64Field):
    """A photo as it came: `voltop.files.prepare` looks through it."""


class ConsentSerializer(Serializer):
    """What to agree to, in the caller's language."""

    version = StrictCharField(max_length=16, read_only=True)
    text = StrictCharField(max_length=2000, read_only=True)


class FaceSerializer(Serializer):
    """One's own face: never the template, only that there is one.

    `wanted`: the company asks for faces, at log-in or before starts; `check_needed`: the next
    start waits for a check.
    """

    wanted = StrictBooleanField(read_only=True)
    check_needed = StrictBooleanField(read_only=True)
    enrolled_at = InstantField(read_only=True, allow_null=True)
    consented_at = InstantField(read_only=True, allow_null=True)
    consent_version = StrictCharField(max_length=16, read_only=True)
    model = StrictCharField(max_length=40, read_only=True)
    consent = ConsentSerializer(read_only=True)


class FaceEnrolSerializer(Serializer):
    """POST: consent to the text that `GET me/face` shows, and photos to be looked at."""

    schema_example: ClassVar[dict[str, Any]] = {
        "consent_version": "2026-11",
        "photos": ["/9j/4AAQSkZJRg==", "/9j/4AAQSkZJRg==", "/9j/4AAQSkZJRg=="],
    }

    consent_version = StrictCharField(max_length=16)
    photos = StrictListField(child=SelfieField(), min_length=3, max_length=5)


class FaceCheckInputSerializer(Serializer):
    photo = SelfieField()


class FaceLogInSerializer(Serializer):
    """POST: the challenge that the step before was answered with, and a new photo."""

    challenge = SecretField(max_length=1024)
    photo = SelfieField()


class FaceCheckSerializer(ModelSerializer):
    """`refusal`: face_mismatch, face_image_replayed, face_engine_unavailable; empty: none.

    A pass is `distance` ≤ `threshold`. `used_at`: when one that was set aside for a log-in let one
    pass. `liveness` is not checked: a photo of a photo passes.
    """

    class Meta:
        model = FaceCheck
        fields = (
            "id",
            "driver",
            "purpose",
            "result",
            "refusal",
            "attempt",
            "distance",
            "threshold",
            "face_width_px",
            "sharpness",
            "light",
            "engine",
            "liveness",
            "actor",
            "reason",
            "at",
            "used_at",
        )
        read_only_fields = fields


class SetAsideSerializer(Serializer):
    """POST: whose check is set aside, before a shift or at one log-in, and why."""

    driver = ProviderRelatedField(queryset=Driver.objects.all())
    purpose = StrictChoiceField(
        choices=FacePurpose.choices, required=False, default=FacePurpose.SHIFT_START
    )
    reason = StrictCharField(max_length=500)
