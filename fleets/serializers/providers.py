"""Shapes of providers, policies, depots, memberships and audit entries."""

from typing import Any

from rest_framework.serializers import (
    BooleanField,
    CharField,
    EmailField,
    IntegerField,
    PrimaryKeyRelatedField,
    SerializerMethodField,
)

from fleets import audit
from fleets.models import (
    AuditEntry,
    Depot,
    DriverPaper,
    FleetPolicy,
    FleetProvider,
    Membership,
    Role,
)
from fleets.records import RefsField
from voltop.api.fields import (
    EmailField as StrictEmailField,
)
from voltop.api.fields import (
    LatitudeField,
    LongitudeField,
    ObjectField,
    StrictCharField,
    StrictChoiceField,
    StrictDecimalField,
    StrictIntegerField,
    StrictListField,
)
from voltop.api.serializers import ModelSerializer, Serializer


class ProviderSerializer(ModelSerializer):
    """`is_sandbox`: a company for tests, in which nothing is real."""

    is_sandbox = BooleanField(read_only=True)

    class Meta:
        model = FleetProvider
        fields = (
            "id",
            "name",
            "legal_name",
            "tax_id",
            "country",
            "currency",
            "time_zone",
            "language",
            "status",
            "is_sandbox",
            "max_drivers",
            "max_vehicles",
            "max_users",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class ProviderUpdateSerializer(Serializer):
    name = StrictCharField(max_length=120, required=False)
    legal_name = StrictCharField(max_length=200, required=False, allow_blank=True)
    tax_id = StrictCharField(max_length=32, required=False, allow_blank=True)
    language = StrictChoiceField(choices=["en", "es", "pt", "de"], required=False)


POLICY_FIELDS = tuple(
    field.name
    for field in FleetPolicy._meta.concrete_fields
    if field.editable and field.name not in ("id", "provider")
)


def _names(**kwargs: Any) -> StrictListField:
    """Names of papers or of ways to pay, as country packs have them."""
    return StrictListField(child=StrictCharField(max_length=40), max_length=50, **kwargs)


def _roles(**kwargs: Any) -> StrictListField:
    child = StrictChoiceField(choices=Role.choices)
    return StrictListField(child=child, max_length=len(Role), **kwargs)


def _papers(**kwargs: Any) -> StrictListField:
    """What every driver has to have approved before a start."""
    known = [(each.value, each.label) for each in DriverPaper if each != DriverPaper.OTHER]
    return StrictListField(child=StrictChoiceField(choices=known), max_length=20, **kwargs)


class PolicySerializer(ModelSerializer):
    payout_rails = _names(read_only=True)
    driver_documents = _papers(read_only=True)
    vehicle_documents = _names(read_only=True)
    second_factor_roles = _roles(read_only=True)

    class Meta:
        model = FleetPolicy
        fields = ("id", *POLICY_FIELDS, "updated_at")
        read_only_fields = fields


class PolicyUpdateSerializer(ModelSerializer):
    """PATCH: any of the policy's values; bounds are the model's."""

    payout_rails = _names(required=False)
    driver_documents = _papers(required=False)
    vehicle_documents = _names(required=False)
    second_factor_roles = _roles(required=False)

    class Meta:
        model = FleetPolicy
        fields = POLICY_FIELDS


class DepotSerializer(ModelSerializer):
    refs = RefsField()

    class Meta:
        model = Depot
        fields = (
            "id",
            "name",
            "address",
            "latitude",
            "longitude",
            "geofence_radius_m",
            "time_zone",
            "holiday_region",
            "grid_limit_kw",
            "opening_hours",
            "retired_at",
            "refs",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class DepotUpdateSerializer(Serializer):
    name = StrictCharField(max_length=120, required=False)
    address = StrictCharField(max_length=300, required=False, allow_blank=True)
    latitude = LatitudeField(required=False, allow_null=True)
    longitude = LongitudeField(required=False, allow_null=True)
    geofence_radius_m = StrictIntegerField(min_value=10, max_value=100_000, required=False)
    time_zone = StrictCharField(max_length=64, required=False)
    holiday_region = StrictCharField(max_length=16, required=False, allow_blank=True)
    grid_limit_kw = StrictDecimalField(
        max_digits=8,
        decimal_places=1,
        min_value=0,
        max_value=1_000_000,
        required=False,
        allow_null=True,
    )
    opening_hours = ObjectField(max_bytes=4096, required=False)


class DepotInputSerializer(DepotUpdateSerializer):
    name = StrictCharField(max_length=120)


class MembershipSerializer(ModelSerializer):
    """Until the person has joined, `user` is null and the name is the one that was typed here.

    It is so for whoever was known to Voltop as for whoever was not.
    """

    user: Any = PrimaryKeyRelatedField(read_only=True, allow_null=True)
    full_name = CharField(source="shown_name", read_only=True)
    email = EmailField(source="user.email", read_only=True, allow_null=True)

    class Meta:
        model = Membership
        fields = (
            "id",
            "user",
            "full_name",
            "email",
            "role",
            "joined_at",
            "ended_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def to_representation(self, instance: Membership) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return shown if instance.joined_at else {**shown, "user": None}


class MembershipInputSerializer(Serializer):
    """Invites by e-mail: the answer is the same for a known and an unknown person."""

    email = StrictEmailField()
    full_name = StrictCharField(max_length=120)
    role = StrictChoiceField(choices=Role.choices)


class MembershipUpdateSerializer(Serializer):
    role = StrictChoiceField(choices=Role.choices)


class AuditEntrySerializer(ModelSerializer):
    """`changes` maps a field to [before, after]; a personal value is shown as "•"."""

    changes = SerializerMethodField()
    sealed_as = IntegerField(source="seal.n", default=None, allow_null=True, read_only=True)

    class Meta:
        model = AuditEntry
        fields = (
            "id",
            "at",
            "actor",
            "on_behalf_of",
            "action",
            "object_type",
            "object_id",
            "changes",
            "reason",
            "request_id",
            "sealed_as",
        )
        read_only_fields = fields

    def get_changes(self, entry: AuditEntry) -> dict[str, Any]:
        return audit.shown(entry)


class RevealedSerializer(Serializer):
    """The changes of an entry with personal values in clear."""

    changes = ObjectField(read_only=True)
