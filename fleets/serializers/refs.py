"""Shapes of external refs: what other systems call our objects."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fleets.models import ExternalRef
from voltop.api.fields import INT8_MAX, StrictCharField, StrictChoiceField, StrictIntegerField
from voltop.api.serializers import ModelSerializer, Serializer
from voltop.records import kind_of_type, record_kinds

KINDS = sorted(record_kinds())


class ExternalRefSerializer(ModelSerializer):
    """`kind` as in the addresses ("drivers"), `object_id` the id there."""

    kind = serializers.SerializerMethodField()

    class Meta:
        model = ExternalRef
        fields = ("id", "system", "external_id", "kind", "object_id", "created_at", "updated_at")
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": KINDS})
    def get_kind(self, ref: ExternalRef) -> str:
        kind = kind_of_type(ref.object_type)
        return kind.name if kind else ref.object_type


class ExternalRefInputSerializer(Serializer):
    """Gives an object that is there already the id that another system knows it by."""

    system = StrictCharField(max_length=40)
    external_id = StrictCharField(max_length=120)
    kind = StrictChoiceField(choices=[(name, name) for name in KINDS])
    object_id = StrictIntegerField(min_value=1, max_value=INT8_MAX)
