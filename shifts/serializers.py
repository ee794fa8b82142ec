"""Shapes of shifts' API: what is shown, and what may be sent. Rules live in the services."""

from rest_framework import serializers

from drivers.models import Driver
from fleets.models import Depot
from shifts.models import (
    EntryKind,
    Platform,
    PlatformAccount,
    PlatformDriver,
    PlatformEntry,
    Shift,
    ShiftBreak,
    ShiftEvent,
    ShiftMetrics,
    ShiftProposal,
    ShiftStint,
)
from vehicles.models import Vehicle
from voltop.api.bulk import BulkAnswerSerializer, BulkAnswersSerializer, BulkField
from voltop.api.fields import (
    INT8_MAX,
    InstantField,
    MoneyField,
    ObjectField,
    ProviderRelatedField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictListField,
)
from voltop.api.serializers import ModelSerializer, Serializer


# --- Shifts --------------------------------------------------------------------------------------
class StintSerializer(ModelSerializer):
    vehicle = serializers.IntegerField(source="assignment.vehicle_id", read_only=True)

    class Meta:
        model = ShiftStint
        fields = ("id", "vehicle", "assignment", "starts_at", "ends_at", "reason")
        read_only_fields = fields


class ShiftBreakSerializer(ModelSerializer):
    class Meta:
        model = ShiftBreak
        fields = ("starts_at", "ends_at")
        read_only_fields = fields


class ShiftSerializer(ModelSerializer):
    """A shift with its cars and breaks; a running one has no end yet."""

    stints = StintSerializer(many=True, read_only=True)
    breaks = ShiftBreakSerializer(many=True, read_only=True)
    review_reasons = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Shift
        fields = (
            "id",
            "driver",
            "depot",
            "status",
            "business_date",
            "time_zone",
            "planned_vehicle",
            "planned_starts_at",
            "planned_ends_at",
            "starts_at",
            "ends_at",
            "close_reason",
            "marked_for_review",
            "review_reasons",
            "stints",
            "breaks",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class ShiftEventSerializer(ModelSerializer):
    class Meta:
        model = ShiftEvent
        fields = (
            "id",
            "from_state",
            "to_state",
            "actor",
            "at",
            "claimed_at",
            "created_at",
            "reason",
        )
        read_only_fields = fields


class ShiftScheduleSerializer(Serializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    starts_at = InstantField()
    ends_at = InstantField()
    vehicle = ProviderRelatedField(
        queryset=Vehicle.objects.standing().select_related("depot"),
        required=False,
        allow_null=True,
    )
    depot = ProviderRelatedField(
        queryset=Depot.objects.filter(retired_at__isnull=True), required=False, allow_null=True
    )


class OwnStartSerializer(Serializer):
    """A driver starts: in the planned or usual car, unless another is named."""

    vehicle = ProviderRelatedField(
        queryset=Vehicle.objects.standing().select_related("depot"),
        required=False,
        allow_null=True,
    )


class PlannedStartSerializer(OwnStartSerializer):
    """Staff starts a planned shift; `override_reason` sets aside the gates that may be."""

    override_reason = StrictCharField(max_length=500, required=False, allow_blank=True)


class UnplannedStartSerializer(PlannedStartSerializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all().select_related("depot"))


class ChangeVehicleSerializer(Serializer):
    vehicle = ProviderRelatedField(queryset=Vehicle.objects.standing())
    reason = StrictCharField(max_length=500)
    override_reason = StrictCharField(max_length=500, required=False, allow_blank=True)


class ShiftMetricsSerializer(ModelSerializer):
    """Whole seconds and kilometres; ratios are left to the reader."""

    income = MoneyField("income_amount", "currency", read_only=True, allow_null=True)
    business_date = serializers.DateField(source="shift.business_date", read_only=True)
    driver = serializers.IntegerField(source="shift.driver_id", read_only=True)

    class Meta:
        model = ShiftMetrics
        fields = (
            "id",
            "shift",
            "driver",
            "business_date",
            "worked_s",
            "break_s",
            "driving_s",
            "idle_s",
            "charging_s",
            "occupied_s",
            "km",
            "gap_km",
            "paid_km",
            "empty_km",
            "trips",
            "used_kwh",
            "soc_start_pct",
            "soc_end_pct",
            "samples",
            "coverage_pct",
            "income",
            "method",
            "computed_at",
            "updated_at",
        )
        read_only_fields = fields


# --- Many at once --------------------------------------------------------------------------------
class ShiftIdAnswerSerializer(BulkAnswerSerializer):
    """`id` is what was sent, `shift` the shift that it is or became."""

    shift = serializers.IntegerField(allow_null=True)


class ShiftIdAnswersSerializer(Serializer):
    done = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    results = ShiftIdAnswerSerializer(many=True)


# --- Proposals -----------------------------------------------------------------------------------
class ProposalSerializer(ModelSerializer):
    class Meta:
        model = ShiftProposal
        fields = (
            "id",
            "vehicle",
            "driver",
            "depot",
            "state",
            "business_date",
            "time_zone",
            "starts_at",
            "ends_at",
            "edited",
            "shift",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class ProposeSerializer(Serializer):
    """Shifts that begin in [start, end), of these vehicles, or of all."""

    start = InstantField()
    end = InstantField()
    vehicles = StrictListField(
        child=StrictIntegerField(min_value=1, max_value=INT8_MAX),
        max_length=1000,
        required=False,
    )
    gap_h = StrictIntegerField(min_value=1, max_value=24, required=False)


class ProposalEditSerializer(Serializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all(), required=False)
    starts_at = InstantField(required=False)
    ends_at = InstantField(required=False)


# --- Platform income -----------------------------------------------------------------------------
class PlatformAccountSerializer(ModelSerializer):
    class Meta:
        model = PlatformAccount
        fields = (
            "id",
            "platform",
            "name",
            "currency",
            "time_zone",
            "week_starts_on",
            "week_starts_hour",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class PlatformAccountUpdateSerializer(Serializer):
    name = StrictCharField(max_length=80, required=False)
    time_zone = StrictCharField(max_length=64, required=False)
    week_starts_on = StrictIntegerField(min_value=0, max_value=6, required=False)
    week_starts_hour = StrictIntegerField(min_value=0, max_value=23, required=False)


class PlatformAccountCreateSerializer(PlatformAccountUpdateSerializer):
    platform = StrictChoiceField(choices=Platform.choices)
    name = StrictCharField(max_length=80)


class PlatformDriverSerializer(ModelSerializer):
    class Meta:
        model = PlatformDriver
        fields = ("id", "account", "external_id", "driver", "starts_at", "ends_at", "updated_at")
        read_only_fields = fields


class PlatformDriverGiveSerializer(Serializer):
    account = ProviderRelatedField(queryset=PlatformAccount.objects.all())
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    external_id = StrictCharField(max_length=120)
    starts_at = InstantField()
    ends_at = InstantField(required=False, allow_null=True)


class PlatformDriverTakeSerializer(Serializer):
    ends_at = InstantField()


class PlatformEntrySerializer(ModelSerializer):
    amount = MoneyField(read_only=True, allow_negative=True)

    class Meta:
        model = PlatformEntry
        fields = (
            "id",
            "account",
            "external_id",
            "trip_ref",
            "kind",
            "driver",
            "shift",
            "stint",
            "occurred_at",
            "posted_at",
            "business_date",
            "amount",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class EntryRowSerializer(Serializer):
    """One transaction. `driver` is our id, `platform_driver` the platform's; give one of them."""

    external_id = StrictCharField(max_length=120)
    kind = StrictChoiceField(choices=EntryKind.choices)
    occurred_at = InstantField()
    posted_at = InstantField()
    amount = MoneyField(allow_negative=True, allow_zero=True)
    driver = StrictIntegerField(min_value=1, max_value=INT8_MAX, required=False, allow_null=True)
    platform_driver = StrictCharField(max_length=120, required=False, allow_blank=True)
    trip_ref = StrictCharField(max_length=120, required=False, allow_blank=True)
    raw = ObjectField(max_bytes=4_096, required=False)


class EntriesSerializer(Serializer):
    account = ProviderRelatedField(queryset=PlatformAccount.objects.all())
    rows = BulkField(child=EntryRowSerializer())


class EntryAnswerSerializer(BulkAnswerSerializer):
    """`external_id` is the platform's, as sent; `shift` the one that the entry belongs to."""

    external_id = serializers.CharField()
    shift = serializers.IntegerField(allow_null=True)


class EntryAnswersSerializer(BulkAnswersSerializer):
    results = EntryAnswerSerializer(many=True)
