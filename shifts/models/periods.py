"""The one form of "never two at once" that the tables of shifts use.

The key is written as a range of one number, so that no PostgreSQL extension is needed.
"""

from collections.abc import Sequence

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    BigIntegerRangeField,
    DateTimeRangeField,
    RangeOperators,
)
from django.db.models import BigIntegerField, Expression, F, Func, Q, Value


def no_overlap(
    name: str,
    *,
    keys: Sequence[str | Expression],
    starts: str = "starts_at",
    ends: str = "ends_at",
    condition: Q,
    code: str | None = None,
) -> ExclusionConstraint:
    """Two rows of the same keys never share an instant of [starts, ends).

    `condition` must say IS NOT NULL for each key and for each bound whose null would mean "none":
    the range of two nulls is everything, and would block every other row. `code` is the error of a
    person's mistake; without one, only a mistake of ours could get here.
    """
    expressions = [(_point(key), RangeOperators.OVERLAPS) for key in keys]
    period = Func(
        F(starts), F(ends), Value("[)"), function="tstzrange", output_field=DateTimeRangeField()
    )
    return ExclusionConstraint(
        name=name,
        expressions=[*expressions, (period, RangeOperators.OVERLAPS)],
        condition=condition,
        violation_error_code=code,
    )


def text_key(field: str) -> Func:
    """A text as a 64-bit number, for keys: text has no GiST equality of its own."""
    return Func(F(field), Value(0), function="hashtextextended", output_field=BigIntegerField())


def _point(key: str | Expression) -> Func:
    value = F(key) if isinstance(key, str) else key
    return Func(
        value, value, Value("[]"), function="int8range", output_field=BigIntegerRangeField()
    )
