"""Many rows in one request, each with an answer of its own: one bad row never loses the good.

For imports that machines do: up to 1,000 rows. Not here: what a row means (the app's service).
"""

from typing import Any, NamedTuple

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from voltop.api import fields
from voltop.api.exceptions import validation_problem
from voltop.api.serializers import Serializer
from voltop.errors import DomainError

MAX_ROWS = 1_000


class BulkRow(NamedTuple):
    """One row of a bulk request: its validated values, or what is wrong with it."""

    values: dict[str, Any] | None
    problem: dict[str, Any] | None


class BulkField(fields.StrictListField):
    """An array of rows, each validated by itself: gives a list of `BulkRow`.

    `child` must not look anything up row by row: relations are ids, which the service resolves
    for the whole batch.
    """

    def __init__(self, *, max_length: int = MAX_ROWS, min_length: int = 1, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, min_length=min_length, **kwargs)

    def run_child_validation(self, data: Any) -> Any:
        return [self._row(item) for item in data]

    def _row(self, item: Any) -> BulkRow:
        try:
            return BulkRow(self.child.run_validation(item), None)
        except ValidationError as error:
            return BulkRow(None, validation_problem(error))


class BulkErrorSerializer(Serializer):
    """One thing that is wrong with a row."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class BulkAnswerSerializer(Serializer):
    """What became of one row. `code` and `detail` are empty unless it was refused."""

    index = serializers.IntegerField(min_value=0)
    ok = serializers.BooleanField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = BulkErrorSerializer(many=True)  # type: ignore[assignment]  # DRF's own is another


def refused(index: int, problem: dict[str, Any]) -> dict[str, Any]:
    """The answer of a row that was not even valid."""
    return {
        "index": index,
        "ok": False,
        "code": problem["code"],
        "detail": problem["detail"],
        "errors": problem["errors"],
    }


def answer(index: int, error: DomainError | None) -> dict[str, Any]:
    """The answer of a row that a service took or refused."""
    if error is None:
        return {"index": index, "ok": True, "code": "", "detail": "", "errors": []}
    item = {"field": error.field, "code": error.code, "detail": str(error.detail)}
    return {
        "index": index,
        "ok": False,
        "code": error.code,
        "detail": str(error.detail),
        "errors": [item] if error.field else [],
    }
