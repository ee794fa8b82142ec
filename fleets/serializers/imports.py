"""Shapes of imports: a file of records handed in, how far it is, what is wrong with its rows."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fleets.models import DataImport, DataImportProblem
from fleets.services.imports import MAX_FILE_BYTES
from voltop.api.fields import (
    Base64Field,
    InstantField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    base64_schema,
)
from voltop.api.serializers import ModelSerializer, Serializer
from voltop.jobs import Job
from voltop.records import record_kinds
from voltop.tabular import DELIMITERS

KINDS = sorted(record_kinds())
STATES = Job.State.choices


@extend_schema_field(
    base64_schema(
        MAX_FILE_BYTES,
        "The file, CSV in UTF-8 (gzipped or not) or XLSX, up to 10 MB, as base64.",
        "dmluLG1vZGVsClhQN1laRVI1M0xCMDAwMDAxLDQyCg==",
    )
)
class FileField(Base64Field):
    """A file of rows."""


class DataImportInputSerializer(Serializer):
    """A file and what its rows are. `dry_run`: judge every row and change nothing."""

    schema_example = {
        "kind": "vehicles",
        "file_name": "vehicles.csv",
        "content": "dmluLG1vZGVsClhQN1laRVI1M0xCMDAwMDAxLDQyCg==",
        "dry_run": True,
    }

    kind = StrictChoiceField(choices=[(name, name) for name in KINDS])
    file_name = StrictCharField(max_length=200)
    content = FileField()
    delimiter = StrictChoiceField(choices=[(d, d) for d in DELIMITERS], required=False)
    dry_run = StrictBooleanField(required=False)


class DataImportSerializer(ModelSerializer):
    """`done` of `total` rows are behind us; of a dry run the counts are what would become of them.

    `error_code` says why an import could not go on; what is wrong with single rows stands under
    `imports/{id}/problems`.
    """

    state = serializers.ChoiceField(source="job.state", choices=STATES, read_only=True)
    done = StrictIntegerField(source="job.done", read_only=True)
    total = StrictIntegerField(source="job.total", read_only=True)
    error_code = StrictCharField(source="job.error_code", max_length=60, read_only=True)
    error_detail = StrictCharField(source="job.error_detail", max_length=500, read_only=True)
    started_at = InstantField(source="job.started_at", read_only=True, allow_null=True)
    finished_at = InstantField(source="job.finished_at", read_only=True, allow_null=True)

    class Meta:
        model = DataImport
        fields = (
            "id",
            "kind",
            "file_name",
            "delimiter",
            "dry_run",
            "actor",
            "state",
            "done",
            "total",
            "created_count",
            "updated_count",
            "refused_count",
            "error_code",
            "error_detail",
            "created_at",
            "started_at",
            "finished_at",
            "updated_at",
        )
        read_only_fields = fields


class DataImportProblemSerializer(ModelSerializer):
    """`row_number` as a spreadsheet shows it; `column` as the file calls it, empty: the row."""

    class Meta:
        model = DataImportProblem
        fields = ("id", "row_number", "column", "code", "detail")
        read_only_fields = fields
