"""Shapes of reservations' API, in OCPI's words."""

from rest_framework import serializers
from rest_framework.serializers import SerializerMethodField

from drivers.models import Driver
from fleets.models import Depot
from fleets.records import RefsField
from reservations import rules
from reservations.models import (
    CancelReason,
    ChargingSession,
    ChargingStation,
    Connector,
    ConnectorStandard,
    Evse,
    EvseStatus,
    HoldChannel,
    PowerType,
    Reservation,
    ReservationEvent,
    ReservationKind,
)
from shifts.models import Shift
from vehicles.models import Vehicle
from voltop.api.bulk import BulkField
from voltop.api.fields import (
    InstantField,
    LatitudeField,
    LongitudeField,
    ObjectField,
    ProviderRelatedField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictDecimalField,
    StrictIntegerField,
)
from voltop.api.serializers import ModelSerializer, Serializer


class ConnectorSerializer(ModelSerializer):
    class Meta:
        model = Connector
        fields = (
            "id",
            "evse",
            "connector_id",
            "standard",
            "format",
            "power_type",
            "max_power_kw",
            "updated_at",
        )
        read_only_fields = fields


class EvseSerializer(ModelSerializer):
    class Meta:
        model = Evse
        fields = ("id", "station", "uid", "physical_reference", "status", "updated_at")
        read_only_fields = fields


class StationSerializer(ModelSerializer):
    refs = RefsField()

    class Meta:
        model = ChargingStation
        fields = (
            "id",
            "depot",
            "name",
            "address",
            "country",
            "latitude",
            "longitude",
            "time_zone",
            "opening_hours",
            "bookable",
            "hold_channel",
            "reservation_grid_min",
            "reservation_max_min",
            "reservation_days_ahead",
            "buffer_min",
            "retired_at",
            "refs",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class StationUpdateSerializer(Serializer):
    depot = ProviderRelatedField(queryset=Depot.objects.all(), required=False, allow_null=True)
    name = StrictCharField(max_length=120, required=False)
    address = StrictCharField(max_length=300, required=False, allow_blank=True)
    country = StrictCharField(max_length=8, required=False)  # what is no code is named so
    latitude = LatitudeField(required=False)
    longitude = LongitudeField(required=False)
    time_zone = StrictCharField(max_length=64, required=False)
    opening_hours = ObjectField(max_bytes=4096, required=False)
    bookable = StrictBooleanField(required=False)
    hold_channel = StrictChoiceField(choices=HoldChannel.choices, required=False)
    reservation_grid_min = StrictIntegerField(
        min_value=1, max_value=1440, required=False, allow_null=True
    )
    reservation_max_min = StrictIntegerField(
        min_value=0, max_value=100_000, required=False, allow_null=True
    )
    reservation_days_ahead = StrictIntegerField(
        min_value=0, max_value=366, required=False, allow_null=True
    )
    buffer_min = StrictIntegerField(min_value=0, max_value=240, required=False)


class StationInputSerializer(StationUpdateSerializer):
    name = StrictCharField(max_length=120)


class EvseInputSerializer(Serializer):
    station = ProviderRelatedField(queryset=ChargingStation.objects.all())
    uid = StrictCharField(max_length=36)
    physical_reference = StrictCharField(max_length=16, required=False, allow_blank=True)


class EvseStatusSerializer(Serializer):
    status = StrictChoiceField(choices=EvseStatus.choices)


class ConnectorInputSerializer(Serializer):
    evse = ProviderRelatedField(queryset=Evse.objects.all())
    connector_id = StrictCharField(max_length=36)
    standard = StrictChoiceField(choices=ConnectorStandard.choices)
    format = StrictChoiceField(choices=["SOCKET", "CABLE"], required=False)
    power_type = StrictChoiceField(choices=PowerType.choices)
    max_power_kw = StrictDecimalField(max_digits=6, decimal_places=1, min_value=0, max_value=10_000)


class WindowSerializer(Serializer):
    starts_at = InstantField()
    ends_at = InstantField()


class AvailabilitySerializer(Serializer):
    """Per plug: its free spans within the asked ones."""

    connector = serializers.IntegerField()
    evse = serializers.IntegerField()
    standard = serializers.CharField()
    max_power_kw = serializers.DecimalField(max_digits=6, decimal_places=1)
    status = serializers.CharField()
    free = WindowSerializer(many=True)


class OwnStationSerializer(Serializer):
    """A station as its company's drivers see it; what a booking must keep to stands beside it."""

    id = StrictIntegerField(min_value=1)
    name = StrictCharField(max_length=120)
    address = StrictCharField(max_length=300)
    latitude = StrictDecimalField(max_digits=9, decimal_places=6, allow_null=True)
    longitude = StrictDecimalField(max_digits=9, decimal_places=6, allow_null=True)
    time_zone = StrictCharField(max_length=64)
    grid_min = SerializerMethodField()
    longest_min = SerializerMethodField(help_text="0: no cap.")
    days_ahead = SerializerMethodField()

    def get_grid_min(self, station: ChargingStation) -> int:
        return rules.grid_min(station)

    def get_longest_min(self, station: ChargingStation) -> int:
        return rules.longest_min(station)

    def get_days_ahead(self, station: ChargingStation) -> int:
        return rules.furthest(station, kind=ReservationKind.DRIVER).days


class OfferSerializer(Serializer):
    """A start that may be booked, at the strongest plug that is free then."""

    connector = StrictIntegerField(min_value=1)
    bay = StrictCharField(max_length=36)
    max_power_kw = StrictDecimalField(max_digits=6, decimal_places=1)
    starts_at = InstantField()
    ends_at = InstantField()


class ReservationSerializer(ModelSerializer):
    class Meta:
        model = Reservation
        fields = (
            "id",
            "station",
            "evse",
            "connector",
            "vehicle",
            "driver",
            "shift",
            "kind",
            "status",
            "starts_at",
            "ends_at",
            "target_soc_pct",
            "checked_in_at",
            "cancel_reason",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class ReservationEventSerializer(ModelSerializer):
    class Meta:
        model = ReservationEvent
        fields = ("id", "from_state", "to_state", "actor", "at", "reason")
        read_only_fields = fields


class OwnReservationInputSerializer(Serializer):
    """A driver books for the vehicle they name; a plug, or any that fits."""

    station = ProviderRelatedField(queryset=ChargingStation.objects.select_related("provider"))
    connector = ProviderRelatedField(
        queryset=Connector.objects.all(), required=False, allow_null=True
    )
    vehicle = ProviderRelatedField(queryset=Vehicle.objects.select_related("model"))
    starts_at = InstantField()
    ends_at = InstantField()
    target_soc_pct = StrictIntegerField(min_value=1, max_value=100, required=False, allow_null=True)


class ReservationInputSerializer(OwnReservationInputSerializer):
    driver = ProviderRelatedField(queryset=Driver.objects.all(), required=False, allow_null=True)
    shift = ProviderRelatedField(queryset=Shift.objects.all(), required=False, allow_null=True)
    kind = StrictChoiceField(choices=ReservationKind.choices, required=False)


class PeriodChangeSerializer(Serializer):
    starts_at = InstantField(required=False)
    ends_at = InstantField(required=False)


class CancelSerializer(Serializer):
    cancel_reason = StrictChoiceField(choices=CancelReason.choices, required=False)
    reason = StrictCharField(max_length=500, required=False, allow_blank=True)


class SessionSerializer(ModelSerializer):
    class Meta:
        model = ChargingSession
        fields = (
            "id",
            "station",
            "evse",
            "connector",
            "vehicle",
            "driver",
            "reservation",
            "source",
            "external_id",
            "starts_at",
            "ends_at",
            "energy_wh",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class SessionRowSerializer(Serializer):
    evse_uid = StrictCharField(max_length=36)
    connector_id = StrictCharField(max_length=36)
    external_id = StrictCharField(max_length=64)
    starts_at = InstantField()
    ends_at = InstantField(required=False, allow_null=True)
    energy_wh = StrictIntegerField(min_value=0, max_value=2_000_000_000)
    vehicle = StrictCharField(
        max_length=161,
        required=False,
        allow_blank=True,
        help_text="What the car is called: its VIN, its plate, or system:id.",
    )


class SessionsSerializer(Serializer):
    station = ProviderRelatedField(queryset=ChargingStation.objects.all())
    rows = BulkField(child=SessionRowSerializer())
