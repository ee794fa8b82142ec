"""Strict fields of arrays and free objects, bounded in size."""

import json
from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from voltop.api import errors
from voltop.api.fields.refusal import refusal, refusal_as
from voltop.api.walk import check_tree
from voltop.errors import DomainError


class StrictListField(serializers.ListField):
    """A bounded JSON array. Codes: list_expected, too_many_items, too_few_items."""

    def __init__(self, *, max_length: int, min_length: int = 0, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, min_length=min_length, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if type(data) is not list:
            raise refusal(errors.ListExpected)
        if len(data) > (self.max_length or 0):
            raise refusal(errors.TooManyItems)
        if len(data) < (self.min_length or 0):
            raise refusal(errors.TooFewItems)
        items: Any = self._counted(data)
        return list(self.run_child_validation(items))

    index = 0
    """The position of the item that is being looked at."""

    def _counted(self, data: list[Any]) -> Iterator[Any]:
        for self.index, item in enumerate(data):
            yield item


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.JSONField):
    """A free JSON object of at most `max_bytes` once written out. Code: object_expected, too_long.

    For settings of adapters and the like, never for what has a schema of its own.
    """

    def __init__(self, *, max_bytes: int = 16_384, **kwargs: Any) -> None:
        self.max_bytes = max_bytes
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if type(data) is not dict:
            raise refusal(errors.ObjectExpected)
        if len(json.dumps(data)) > self.max_bytes:
            raise refusal(errors.TooLong)
        try:
            check_tree(data)
        except DomainError as error:
            raise refusal_as(error) from error
        return data
