"""Shapes of telemetry's API. Rules live in the services.

The batch of samples is described here for the schema; it is read by `telemetry.samples`, which
takes 5,000 of them in a few milliseconds.
"""

from rest_framework import serializers

from telemetry.models import (
    DeviceFitting,
    HiredRun,
    SourceKind,
    TelemetrySource,
    TrackerDevice,
    Trip,
)
from telemetry.samples import CHARGING, MAX_SAMPLES
from vehicles.models import Vehicle
from voltop.api.fields import (
    InstantField,
    ProviderRelatedField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
)
from voltop.api.serializers import ModelSerializer, Serializer


def _number(low: float, high: float) -> serializers.FloatField:
    return serializers.FloatField(min_value=low, max_value=high, required=False, allow_null=True)


def _flag() -> StrictBooleanField:
    return StrictBooleanField(required=False, allow_null=True)


class SampleSerializer(Serializer):
    """One reading: exactly one of vehicle and device, the time with its offset, and what is known.

    `ref` is the sender's own name of the sample, returned if it is refused.
    """

    vehicle = StrictIntegerField(min_value=1, required=False)
    device = StrictCharField(max_length=64, required=False)
    recorded_at = InstantField()
    ref = StrictCharField(max_length=64, required=False)
    latitude = _number(-90, 90)
    longitude = _number(-180, 180)
    altitude_m = _number(-1000, 10_000)
    speed_kmh = _number(0, 400)
    heading_deg = _number(0, 360)
    accuracy_m = _number(0, 100_000)
    odometer_km = _number(0, 2_000_000)
    soc_pct = _number(0, 100)
    range_km = _number(0, 3000)
    battery_power_kw = _number(-2000, 2000)
    battery_temp_c = _number(-60, 150)
    outside_temp_c = _number(-90, 70)
    charging = serializers.ChoiceField(choices=list(CHARGING), required=False, allow_null=True)
    plugged = _flag()
    ignition = _flag()
    occupied = _flag()


class SampleBatchSerializer(Serializer):
    samples = serializers.ListField(child=SampleSerializer(), max_length=MAX_SAMPLES)


class RejectedSampleSerializer(Serializer):
    index = serializers.IntegerField()
    ref = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()


class WarningSerializer(Serializer):
    code = serializers.CharField()
    fields_ignored = serializers.ListField(child=serializers.CharField())


class IngestResultSerializer(Serializer):
    """What became of a batch. What is accepted is stored for good."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    rejected = RejectedSampleSerializer(many=True)
    warnings = WarningSerializer(many=True)


# --- Sources and trackers ------------------------------------------------------------------------
class SourceSerializer(ModelSerializer):
    last_errors = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = TelemetrySource
        fields = (
            "id",
            "name",
            "kind",
            "priority",
            "disabled_at",
            "token_rotated_at",
            "previous_token_until",
            "accepted_count",
            "duplicate_count",
            "rejected_count",
            "last_received_at",
            "last_errors",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class SourceWithTokenSerializer(SourceSerializer):
    """With the token, which is shown this once."""

    token = serializers.CharField(read_only=True, default="")

    class Meta(SourceSerializer.Meta):
        fields = (*SourceSerializer.Meta.fields, "token")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class SourceMakeSerializer(Serializer):
    name = StrictCharField(max_length=80)
    kind = StrictChoiceField(choices=SourceKind.choices, required=False)
    priority = StrictIntegerField(min_value=0, max_value=32_767, required=False)


class SourceUpdateSerializer(Serializer):
    name = StrictCharField(max_length=80, required=False)
    priority = StrictIntegerField(min_value=0, max_value=32_767, required=False)


class DeviceSerializer(ModelSerializer):
    vehicle = serializers.IntegerField(source="vehicle_id", read_only=True, allow_null=True)

    class Meta:
        model = TrackerDevice
        fields = ("id", "source", "external_id", "vehicle", "updated_at")
        read_only_fields = fields


class FittingSerializer(ModelSerializer):
    external_id = serializers.CharField(source="device.external_id", read_only=True)

    class Meta:
        model = DeviceFitting
        fields = ("id", "device", "external_id", "vehicle", "starts_at", "ends_at", "updated_at")
        read_only_fields = fields


class FittingMakeSerializer(Serializer):
    source = ProviderRelatedField(  # type: ignore[assignment]
        queryset=TelemetrySource.objects.all()
    )
    external_id = StrictCharField(max_length=64)
    vehicle = ProviderRelatedField(queryset=Vehicle.objects.all())
    starts_at = InstantField()
    ends_at = InstantField(required=False, allow_null=True)


class FittingEndSerializer(Serializer):
    ends_at = InstantField()


class QuarantinedDeviceSerializer(Serializer):
    source = serializers.IntegerField(source="of_source")  # type: ignore[assignment]
    device = serializers.CharField()
    samples = serializers.IntegerField()
    first_recorded_at = InstantField()
    last_recorded_at = InstantField()


class QuarantineSerializer(Serializer):
    results = QuarantinedDeviceSerializer(many=True)


# --- Where vehicles went -------------------------------------------------------------------------
class TripSerializer(ModelSerializer):
    class Meta:
        model = Trip
        fields = (
            "id",
            "vehicle",
            "driver",
            "starts_at",
            "ends_at",
            "km",
            "gap_km",
            "used_wh",
            "start_latitude",
            "start_longitude",
            "end_latitude",
            "end_longitude",
            "updated_at",
        )
        read_only_fields = fields


class HiredRunSerializer(ModelSerializer):
    class Meta:
        model = HiredRun
        fields = (
            "id",
            "vehicle",
            "driver",
            "starts_at",
            "ends_at",
            "km",
            "gap_km",
            "fixes",
            "running_at_start",
            "updated_at",
        )
        read_only_fields = fields


class GeometrySerializer(Serializer):
    type = serializers.CharField()
    coordinates = serializers.ListField()


class TrackPropertiesSerializer(Serializer):
    vehicle = serializers.IntegerField()
    fixes = serializers.IntegerField()
    times = serializers.ListField(child=InstantField())
    speeds_kmh = serializers.ListField(child=serializers.FloatField(allow_null=True))
    occupied = serializers.ListField(child=serializers.BooleanField(allow_null=True))
    jumps = serializers.ListField(child=serializers.IntegerField())


class TrackSerializer(Serializer):
    """A GeoJSON Feature (RFC 7946)."""

    type = serializers.CharField()
    geometry = GeometrySerializer(allow_null=True)
    properties = TrackPropertiesSerializer()
