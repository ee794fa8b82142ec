"""Baseline: Django REST framework's own way, ModelSerializer(many=True) and bulk_create.

Generous: the vehicle is a plain number (a related field would ask the database once a sample), and
the state is overwritten without asking whether it is older.
"""

import os
from datetime import UTC, datetime
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from psycopg.conninfo import conninfo_to_dict

_dsn = conninfo_to_dict(os.environ["BENCH_DSN"])
settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["rest_framework"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _dsn["dbname"],
            "USER": _dsn["user"],
            "HOST": _dsn["host"],
            "CONN_MAX_AGE": None,
        }
    },
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # says how long the answer is
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    DATA_UPLOAD_MAX_MEMORY_SIZE=20_000_000,
)
django.setup()

from django.db import models, transaction  # noqa: E402  (Django has to be set up first)
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from benchmarks.ingest import table  # noqa: E402

_COLUMN_FIELDS = {
    "int4": models.IntegerField,
    "int2": models.SmallIntegerField,
    "bool": models.BooleanField,
}


class SampleRow(models.Model):
    # Half of the table's key: Django is never asked to find a row by it here.
    vehicle_id = models.BigIntegerField(primary_key=True)
    recorded_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source_id = models.IntegerField()
    for _name, _type in list(zip(table.COLUMNS, table.TYPES, strict=True))[4:]:
        locals()[_name] = _COLUMN_FIELDS[_type](null=True)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "telemetry_sample"


class StateRow(models.Model):
    vehicle_id = models.BigIntegerField(primary_key=True)
    held_from = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    position_at = models.DateTimeField(null=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    speed_kmh = models.FloatField(null=True)
    heading_deg = models.FloatField(null=True)
    soc_at = models.DateTimeField(null=True)
    soc_pct = models.FloatField(null=True)
    odometer_at = models.DateTimeField(null=True)
    odometer_km = models.FloatField(null=True)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "vehicles_vehiclestate"


STATE_FIELDS = [field.name for field in StateRow._meta.fields[2:]]


class SampleListSerializer(serializers.ListSerializer):
    def create(self, validated_data: list[dict[str, Any]]) -> list[SampleRow]:
        received_at = datetime.now(UTC)
        validated_data.sort(key=lambda data: (data["vehicle"], data["recorded_at"]))
        rows = (table.row(_Fields(data), received_at) for data in validated_data)
        objects = [SampleRow(**dict(zip(table.COLUMNS, row, strict=True))) for row in rows]
        newest = {data["vehicle"]: data for data in validated_data}
        with transaction.atomic():
            SampleRow.objects.bulk_create(objects, ignore_conflicts=True)
            StateRow.objects.bulk_create(
                [_state(data) for data in newest.values()],
                update_conflicts=True,
                unique_fields=["vehicle_id"],
                update_fields=STATE_FIELDS,
            )
        return objects


class _Fields:
    """Validated data by attribute; what was not sent is None."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.__dict__ = data

    def __getattr__(self, name: str) -> None:
        return None


def _state(data: dict[str, Any]) -> StateRow:
    at = data["recorded_at"]
    values = {name: data.get(name) for name in STATE_FIELDS if not name.endswith("_at")}
    times = {name: at for name in STATE_FIELDS if name.endswith("_at")}
    return StateRow(vehicle_id=data["vehicle"], held_from=at, **times, **values)


class SampleSerializer(serializers.ModelSerializer):
    vehicle = serializers.IntegerField(min_value=1)
    for _name, (_low, _high) in table.LIMITS.items():
        locals()[_name] = serializers.FloatField(min_value=_low, max_value=_high, required=False)
    charging = serializers.ChoiceField(["none", "ac", "dc"], required=False)

    class Meta:
        model = SampleRow
        list_serializer_class = SampleListSerializer
        fields = [
            "vehicle", "recorded_at", *table.LIMITS, "charging", "plugged", "ignition", "occupied",
        ]  # fmt: skip


class Ingest(APIView):
    def post(self, request: Request) -> Response:
        serializer = SampleSerializer(data=request.data["samples"], many=True)
        serializer.is_valid(raise_exception=True)
        stored = serializer.save()
        return Response({"accepted": len(stored), "duplicates": 0})


urlpatterns = [path("", Ingest.as_view())]
application = get_wsgi_application()
