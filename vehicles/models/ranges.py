"""The two halves of an overlap constraint that needs no PostgreSQL extension."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    BigIntegerRangeField,
    DateTimeRangeField,
    RangeOperators,
)
from django.db.models import CheckConstraint, F, Func, Q, Value


def never_twice(name: str, key: str, *, where: Q | None = None) -> ExclusionConstraint:
    """No two rows of one `key` (a foreign key) overlap in [starts_at, ends_at).

    A null end is open on purpose; a null key or start never blocks.
    """
    key_range = Func(
        F(key), F(key), Value("[]"), function="int8range", output_field=BigIntegerRangeField()
    )
    period = Func(
        F("starts_at"),
        F("ends_at"),
        Value("[)"),
        function="tstzrange",
        output_field=DateTimeRangeField(),
    )
    given = Q(**{f"{key}__isnull": False, "starts_at__isnull": False})
    return ExclusionConstraint(
        name=name,
        expressions=[(key_range, RangeOperators.OVERLAPS), (period, RangeOperators.OVERLAPS)],
        condition=given if where is None else given & where,
    )


def forward(name: str) -> CheckConstraint:
    """A period ends after it has begun, if it ends."""
    return CheckConstraint(
        name=name, condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at"))
    )
