"""The one form of "never two on the same day" that the tables of payments use.

Local dates, half-open; the key is written as a range of one number, so that no PostgreSQL
extension is needed.
"""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateRangeField, RangeOperators
from django.db.models import CheckConstraint, F, Func, Q, Value


def never_same_day(
    name: str, key: str, starts: str, ends: str, *, where: Q | None = None
) -> ExclusionConstraint:
    """No two rows of one `key` (a foreign key) share a day of [starts, ends); null: open end."""
    point = Func(
        F(key), F(key), Value("[]"), function="int8range", output_field=BigIntegerRangeField()
    )
    days = Func(
        F(starts), F(ends), Value("[)"), function="daterange", output_field=DateRangeField()
    )
    given = Q(**{f"{key}__isnull": False, f"{starts}__isnull": False})
    return ExclusionConstraint(
        name=name,
        expressions=[(point, RangeOperators.OVERLAPS), (days, RangeOperators.OVERLAPS)],
        condition=given if where is None else given & where,
    )


def forward(name: str, starts: str, ends: str) -> CheckConstraint:
    """A period ends after it has begun, if it ends."""
    return CheckConstraint(
        name=name, condition=Q(**{f"{ends}__isnull": True}) | Q(**{f"{ends}__gt": F(starts)})
    )
