"""Many rows in one request, each with an answer of its own: one bad row never loses the good.

Every `…/bulk` takes up to 1,000 `rows` (beside what they share) and answers alike: how many were
created, updated, known already (duplicate) and refused, and per row its index, `ok`, the outcome,
the record's id, and what is wrong with it. The whole request is one transaction, so that with an
Idempotency-Key it happens once; each row stands in a savepoint of its own, or is judged before
anything is written. Not here: what a row means (the app's service).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from voltop.api import fields
from voltop.api.database_errors import broken_rule
from voltop.api.exceptions import validation_problem
from voltop.api.serializers import Serializer
from voltop.api.viewsets import ListRetrieveViewSet
from voltop.errors import DomainError, NotFound

MAX_ROWS = 1_000

Outcome = Literal["created", "updated", "duplicate"]
OUTCOMES = ("created", "updated", "duplicate", "refused")


class BulkRow(NamedTuple):
    """One row of a bulk request: its validated values, or what is wrong with it."""

    values: dict[str, Any] | None
    problem: dict[str, Any] | None


class BulkField(fields.StrictListField):
    """An array of rows, each validated by itself: gives a list of `BulkRow`.

    Rows of the caller's provider that `child` names by id are fetched in one query per field, not
    row by row.
    """

    def __init__(self, *, max_length: int = MAX_ROWS, min_length: int = 1, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, min_length=min_length, **kwargs)

    def run_child_validation(self, data: Any) -> Any:
        child: Any = self.child
        items = list(data)
        rows = [item for item in items if isinstance(item, dict)]
        for name, field in getattr(child, "fields", {}).items():
            if isinstance(field, fields.ProviderRelatedField) and not field.read_only:
                field.look_up(item.get(name) for item in rows)
        return [self._row(item) for item in self._counted(items)]

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
    """What became of one row. `code` and `detail` are empty unless it was refused.

    `outcome`: created, updated, duplicate (known with the same values), done (moves), refused.
    """

    index = serializers.IntegerField(min_value=0)
    ok = serializers.BooleanField()
    outcome = serializers.CharField()
    id = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = BulkErrorSerializer(many=True)  # type: ignore[assignment]  # DRF's own is another


class BulkAnswersSerializer(Serializer):
    """An answer per row, in the order of the rows."""

    created = serializers.IntegerField(min_value=0)
    updated = serializers.IntegerField(min_value=0)
    duplicate = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    results = BulkAnswerSerializer(many=True)


class IdsSerializer(Serializer):
    """Rows to be moved alike, by id."""

    ids = fields.StrictListField(
        child=fields.StrictIntegerField(min_value=1, max_value=fields.INT8_MAX),
        max_length=MAX_ROWS,
        min_length=1,
    )
    reason = fields.StrictCharField(max_length=500, required=False, allow_blank=True)


class IdAnswersSerializer(Serializer):
    """What became of each id."""

    done = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    results = BulkAnswerSerializer(many=True)


def refused(index: int, problem: dict[str, Any]) -> dict[str, Any]:
    """The answer of a row that was not even valid."""
    return {
        "index": index,
        "ok": False,
        "outcome": "refused",
        "id": None,
        "code": problem["code"],
        "detail": problem["detail"],
        "errors": problem["errors"],
    }


def answer(
    index: int, error: DomainError | None, *, outcome: str = "done", key: int | None = None
) -> dict[str, Any]:
    """The answer of a row that a service took or refused; `key` is the record's id."""
    if error is None:
        return {
            "index": index,
            "ok": True,
            "outcome": outcome,
            "id": key,
            "code": "",
            "detail": "",
            "errors": [],
        }
    item = {"field": error.field, "code": error.code, "detail": str(error.detail)}
    return {
        "index": index,
        "ok": False,
        "outcome": "refused",
        "id": key,
        "code": error.code,
        "detail": str(error.detail),
        "errors": [item] if error.field else [],
    }


def answers(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole answer: counts by outcome, and the rows' own."""
    counts = Counter(result["outcome"] for result in results)
    return {**{name: counts[name] for name in OUTCOMES}, "results": results}


def answer_each(
    rows: Sequence[BulkRow], take: Callable[[dict[str, Any]], tuple[int, Outcome]]
) -> dict[str, Any]:
    """Call `take` for every valid row, each in a savepoint; what it refuses loses only that row.

    `take` gives the record's id and what was done.
    """
    results: list[dict[str, Any]] = []
    with transaction.atomic():
        for index, row in enumerate(rows):
            if row.values is None:
                results.append(refused(index, row.problem or {}))
                continue
            try:
                with transaction.atomic():
                    key, outcome = take(dict(row.values))
            except (DomainError, IntegrityError) as error:
                results.append(answer(index, broken_rule(error)))
            else:
                results.append(answer(index, None, outcome=outcome, key=key))
    return answers(results)


def answer_ids(
    ids: Sequence[int], found: dict[int, Any], move: Callable[[Any], Any]
) -> dict[str, Any]:
    """Call a service for each id, each in its own savepoint, and collect the answers.

    Rows are moved (and so locked) by key, whatever their order here: of two such requests that
    each stand in one transaction, neither waits for the other in a circle.
    """
    results: list[dict[str, Any]] = [{}] * len(ids)
    for index, key in sorted(enumerate(ids), key=lambda item: (item[1], item[0])):
        error: DomainError | None = None
        try:
            with transaction.atomic():
                if key not in found:
                    raise NotFound()
                move(found[key])
        except (DomainError, IntegrityError) as broken:
            error = broken_rule(broken)
        results[index] = answer(index, error, key=key)
    done = sum(1 for result in results if result["ok"])
    return {"done": done, "refused": len(results) - done, "results": results}


def bulk_of(row: type[Serializer]) -> type[Serializer]:
    """The body of a bulk request whose rows are what a POST takes."""
    name = row.__name__.removesuffix("Serializer")
    body = {"rows": BulkField(child=row()), "__doc__": "Up to 1,000 rows, each as a POST takes it."}
    return type(f"{name}BulkSerializer", (Serializer,), {**body, "__module__": row.__module__})


class BulkMixin:
    """`POST …/bulk` on a viewset: rows are what its POST takes, and each is made by `take_row`.

    Needs the permission, and meets the errors, of `create`.
    """

    permissions: ClassVar[dict[str, str]]
    input_serializers: ClassVar[dict[str, Any]]
    output_serializers: ClassVar[dict[str, Any]]
    errors: ClassVar[dict[str, tuple[type[DomainError], ...]]]
    idempotency: ClassVar[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "create" not in cls.__dict__.get("permissions", {}):
            return
        row = cls.bulk_row(cls.input_serializers["create"])
        cls.permissions = {**cls.permissions, "bulk": cls.permissions["create"]}
        cls.input_serializers = {**cls.input_serializers, "bulk": bulk_of(row)}
        cls.output_serializers = {**cls.output_serializers, "bulk": BulkAnswersSerializer}

    @classmethod
    def bulk_row(cls, new: type[Serializer]) -> type[Serializer]:
        return new

    def take_row(self, values: dict[str, Any]) -> tuple[int, Outcome]:
        """Make one row's record. Raises what the service raises."""
        raise NotImplementedError

    @action(detail=False, methods=["post"])
    def bulk(self: Any, request: Request) -> Response:
        """Up to 1,000 at once, an answer each: a refused row does not hold the others."""
        rows: list[BulkRow] = self.read_input()["rows"]
        return Response(answer_each(rows, self.take_row))


class BulkViewSet(BulkMixin, ListRetrieveViewSet):  # type: ignore[misc]  # as viewsets' own
    """A resource with `…/bulk`."""
