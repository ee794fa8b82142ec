"""Constraints that several apps' tables need, in the one form of the house.

The key of an overlap constraint is written as a range of one number, so that no PostgreSQL
extension is needed.
"""

from collections.abc import Sequence
from typing import Literal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    RangeOperators,
)
from django.db.models import BigIntegerField, CheckConstraint, Expression, F, Func, Q, Value


def no_overlap(
    name: str,
    *,
    keys: Sequence[str | Expression],
    starts: str = "starts_at",
    ends: str = "ends_at",
    of: Literal["instants", "days"] = "instants",
    not_null: Sequence[str] = (),
    where: Q | None = None,
    code: str | None = None,
) -> ExclusionConstraint:
    """Two rows of the same keys never share an instant (or day) of [starts, ends).

    Rows with a null key or start never block; a null end is open on purpose, unless it is named
    in `not_null` (the range of two nulls is everything, and would block every other row).
    `code` is the error of a person's mistake; without one, only a mistake of ours could get here.
    """
    named = [key for key in keys if isinstance(key, str)]
    condition = Q(**{f"{field}__isnull": False for field in (*named, starts, *not_null)})
    function, output = (
        ("tstzrange", DateTimeRangeField()) if of == "instants" else ("daterange", DateRangeField())
    )
    period = Func(F(starts), F(ends), Value("[)"), function=function, output_field=output)
    return ExclusionConstraint(
        name=name,
        expressions=[
            *((_point(key), RangeOperators.OVERLAPS) for key in keys),
            (period, RangeOperators.OVERLAPS),
        ],
        condition=condition if where is None else condition & where,
        violation_error_code=code,
    )


def forward(name: str, *, starts: str = "starts_at", ends: str = "ends_at") -> CheckConstraint:
    """A period ends after it has begun, if it ends."""
    return CheckConstraint(
        name=name, condition=Q(**{f"{ends}__isnull": True}) | Q(**{f"{ends}__gt": F(starts)})
    )


def text_key(field: str) -> Func:
    """A text as a 64-bit number, for keys: text has no GiST equality of its own."""
    return Func(F(field), Value(0), function="hashtextextended", output_field=BigIntegerField())


def _point(key: str | Expression) -> Func:
    value = F(key) if isinstance(key, str) else key
    return Func(
        value, value, Value("[]"), function="int8range", output_field=BigIntegerRangeField()
    )
