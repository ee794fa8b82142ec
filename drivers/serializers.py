"""Shapes of drivers' API: what is shown, and what may be sent. Rules live in the services."""

from typing import Any

from drivers.models import (
    Driver,
    DriverEvent,
    Engagement,
    EngagementKind,
    PayoutAccount,
    PayoutAccountKind,
)
from fleets.models import Depot
from fleets.records import RefsField
from voltop.api.fields import (
    DateField,
    EmailField,
    ProviderRelatedField,
    StrictCharField,
    StrictChoiceField,
)
from voltop.api.serializers import ModelSerializer, Serializer

SEE_IDENTITY = "drivers.view_identity"
IDENTITY = ("national_id", "birth_date")


class DriverSerializer(ModelSerializer):
    """`national_id` and `birth_date` are null for callers without `drivers.view_identity`."""

    refs = RefsField()
    national_id = StrictCharField(
        max_length=32,
        read_only=True,
        allow_null=True,
        help_text="Null where the caller may not see it; empty where it is not known.",
    )

    class Meta:
        model = Driver
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
            "depot",
            "refs",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, driver: Driver) -> dict[str, Any]:
        shown = super().to_representation(driver)
        if not self.context["request"].user.has_perm(SEE_IDENTITY):
            shown |= dict.fromkeys(IDENTITY)
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
    """Numbers are never shown, only their mask."""

    class Meta:
        model = PayoutAccount
        fields = (
            "id",
            "driver",
            "kind",
            "holder_name",
            "holder_tax_id",
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
