"""Spans of time in requests: half-open, in order, not endless."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rest_framework.exceptions import ErrorDetail, ValidationError

from voltop.api import errors
from voltop.api.fields import InstantField
from voltop.api.serializers import Serializer


class Period(NamedTuple):
    """A half-open span of time, UTC."""

    start: datetime
    end: datetime


class PeriodField(Serializer):
    """`{"start", "end"}` as a Period, start < end and not longer than `longest`.

    Code: invalid_range, on `end`.
    """

    start = InstantField()
    end = InstantField()

    def __init__(self, *args: Any, longest: timedelta, **kwargs: Any) -> None:
        self.longest = longest
        super().__init__(*args, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        check_range(values["start"], values["end"], longest=self.longest)
        return Period(values["start"], values["end"])

    def run_validators(self, value: Any) -> None:
        """Nothing beyond the range: a Period is no dict that DRF could hand to validators."""


def check_range(
    start: datetime, end: datetime, *, longest: timedelta | None = None, field: str = "end"
) -> None:
    """Refuse, on `field`, an end that is not after the start or too long after it."""
    if end <= start or (longest is not None and end - start > longest):
        error = ErrorDetail(str(errors.InvalidRange.message), code=errors.InvalidRange.code)
        raise ValidationError({field: [error]})
