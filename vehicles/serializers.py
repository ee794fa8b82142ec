"""Shapes of vehicles' API: what is shown, and what may be sent. Rules live in the services."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from drivers.models import Driver
from fleets.models import Depot
from fleets.records import RefsField
from vehicles.models import (
    Assignment,
    AssignmentKind,
    Vehicle,
    VehicleDay,
    VehicleEvent,
    VehicleModel,
    VehiclePlate,
    VehicleState,
    VehicleTenure,
)
from voltop.api.fields import (
    INT8_MAX,
    InstantField,
    ProviderRelatedField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictDecimalField,
    StrictIntegerField,
    StrictListField,
)
from voltop.api.serializers import ModelSerializer, Serializer

KINDS_BY_HAND = AssignmentKind.PERMANENT, AssignmentKind.TEMPORARY


class VehicleModelSerializer(ModelSerializer):
    inlets = StrictListField(child=StrictCharField(max_length=24), max_length=8, read_only=True)

    class Meta:
        model = VehicleModel
        fields = (
            "id",
            "make",
            "model",
            "year",
            "usable_battery_kwh",
            "range_km",
            "consumption_wh_per_km",
            "ac_max_kw",
            "dc_max_kw",
            "inlets",
            "updated_at",
        )
        read_only_fields = fields


class VehicleSerializer(ModelSerializer):
    refs = RefsField()

    class Meta:
        model = Vehicle
        fields = (
            "id",
            "status",
            "vin",
            "plate",
            "label",
            "model",
            "depot",
            "refs",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class VehicleUpdateSerializer(Serializer):
    """PATCH: every field on its own."""

    vin = StrictCharField(max_length=24, required=False)
    plate = StrictCharField(max_length=24, required=False, allow_blank=True)
    label = StrictCharField(  # type: ignore[assignment]  # DRF's own `label` is another thing
        max_length=40, required=False, allow_blank=True
    )
    model = ProviderRelatedField(queryset=VehicleModel.objects.all(), required=False)
    depot = ProviderRelatedField(
        queryset=Depot.objects.filter(retired_at__isnull=True), required=False, allow_null=True
    )


class VehicleRegisterSerializer(VehicleUpdateSerializer):
    """POST: at least what it is. `tenure_starts_at`: since when it is the company's."""

    vin = StrictCharField(max_length=24)
    model = ProviderRelatedField(queryset=VehicleModel.objects.all())
    tenure_starts_at = InstantField(required=False)


class VehicleTransferSerializer(Serializer):
    """`provider`: another company that the caller may hand vehicles over for."""

    provider = StrictIntegerField(min_value=1, max_value=INT8_MAX)
    reason = StrictCharField(max_length=500, required=False, allow_blank=True)


class VehicleEventSerializer(ModelSerializer):
    class Meta:
        model = VehicleEvent
        fields = ("id", "from_state", "to_state", "actor", "at", "reason")
        read_only_fields = fields


class VehiclePlateSerializer(ModelSerializer):
    class Meta:
        model = VehiclePlate
        fields = ("id", "plate", "starts_at", "ends_at")
        read_only_fields = fields


class VehicleTenureSerializer(ModelSerializer):
    class Meta:
        model = VehicleTenure
        fields = ("id", "vehicle", "starts_at", "ends_at", "updated_at")
        read_only_fields = fields


STATE_FIELDS = (
    "last_seen_at",
    "activity",
    "activity_since_at",
    "position_at",
    "latitude",
    "longitude",
    "speed_kmh",
    "heading_deg",
    "soc_at",
    "soc_pct",
    "range_km",
    "odometer_at",
    "odometer_km",
    "charging_at",
    "charging",
    "plugged",
    "battery_power_kw",
    "occupied_at",
    "occupied",
)


class VehicleStateSerializer(ModelSerializer):
    """The newest values; each group has the time it was measured."""

    vehicle = StrictIntegerField(source="vehicle_id", max_value=INT8_MAX, read_only=True)
    latitude = serializers.FloatField(read_only=True, allow_null=True)
    longitude = serializers.FloatField(read_only=True, allow_null=True)
    speed_kmh = serializers.FloatField(read_only=True, allow_null=True)
    heading_deg = serializers.FloatField(read_only=True, allow_null=True)
    soc_pct = serializers.FloatField(read_only=True, allow_null=True)
    range_km = serializers.FloatField(read_only=True, allow_null=True)
    odometer_km = serializers.FloatField(read_only=True, allow_null=True)
    battery_power_kw = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = VehicleState
        fields = ("vehicle", *STATE_FIELDS, "updated_at")
        read_only_fields = fields


class LiveVehicleSerializer(VehicleStateSerializer):
    """One vehicle on the map. `offline`: silent for longer than the company's rule allows."""

    label = StrictCharField(  # type: ignore[assignment]  # DRF's own `label` is another thing
        source="vehicle.label", max_length=40, read_only=True
    )
    plate = StrictCharField(source="vehicle.plate", max_length=16, read_only=True)
    status = StrictCharField(source="vehicle.status", max_length=16, read_only=True)
    depot = StrictIntegerField(
        source="vehicle.depot_id", max_value=INT8_MAX, read_only=True, allow_null=True
    )
    driver = StrictIntegerField(
        source="driver_id", max_value=INT8_MAX, read_only=True, allow_null=True
    )
    offline = serializers.SerializerMethodField()

    class Meta:
        model = VehicleState
        fields = (
            "vehicle",
            "label",
            "plate",
            "status",
            "depot",
            "driver",
            "offline",
            *STATE_FIELDS,
            "updated_at",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "boolean"})
    def get_offline(self, state: Any) -> bool:
        return bool(state.is_offline)


class VehicleDaySerializer(ModelSerializer):
    """One local day. Ratios are computed from the sums beside them; null where unknown."""

    empty_km = StrictDecimalField(max_digits=12, decimal_places=6, read_only=True)
    wh_per_km = StrictDecimalField(max_digits=7, decimal_places=1, read_only=True, allow_null=True)
    utilisation_pct = StrictDecimalField(
        max_digits=5, decimal_places=1, read_only=True, allow_null=True
    )
    coverage_pct = StrictDecimalField(
        max_digits=5, decimal_places=1, read_only=True, allow_null=True
    )

    class Meta:
        model = VehicleDay
        fields = (
            "id",
            "on",
            "time_zone",
            "day_s",
            "km",
            "gap_km",
            "paid_km",
            "empty_km",
            "driving_s",
            "idle_s",
            "charging_s",
            "offline_s",
            "paid_s",
            "covered_s",
            "used_wh",
            "charged_wh",
            "wh_per_km",
            "soc_min_pct",
            "soc_max_pct",
            "utilisation_pct",
            "coverage_pct",
            "trips",
            "samples",
            "updated_at",
        )
        read_only_fields = fields


class AssignmentSerializer(ModelSerializer):
    class Meta:
        model = Assignment
        fields = (
            "id",
            "vehicle",
            "driver",
            "kind",
            "starts_at",
            "ends_at",
            "cancelled_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AssignmentMakeSerializer(Serializer):
    """POST. `replace`: end or call off what stands in the way, instead of a 409."""

    vehicle = ProviderRelatedField(queryset=Vehicle.objects.all())
    driver = ProviderRelatedField(queryset=Driver.objects.all())
    kind = StrictChoiceField(choices=[(kind.value, kind.label) for kind in KINDS_BY_HAND])
    starts_at = InstantField(required=False)
    ends_at = InstantField(required=False, allow_null=True)
    replace = StrictBooleanField(required=False, default=False)


class AssignmentEndSerializer(Serializer):
    ends_at = InstantField(required=False)


class AssignmentSwapSerializer(Serializer):
    """`other`: the assignment to exchange drivers with."""

    other = ProviderRelatedField(queryset=Assignment.objects.standing())
