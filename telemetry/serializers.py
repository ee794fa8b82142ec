"""Shapes of telemetry's API. Rules live in the services.

The batch of samples is described here for the schema; it is read by `telemetry.samples`, which
takes 5,000 of them in a few milliseconds.
"""

from rest_framework import serializers

from telemetry.samples import CHARGING, MAX_SAMPLES
from voltop.api.fields import InstantField, StrictBooleanField, StrictCharField, StrictIntegerField
from voltop.api.serializers import Serializer


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
