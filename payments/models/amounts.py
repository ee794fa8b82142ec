"""Columns and constraints that money shares: whole amounts, and numbers of the transaction."""

from typing import Any

from django.db import models
from django.db.models import Case, DecimalField, F, Func, IntegerField, Q, Value, When

from voltop.money import EXPONENTS, USUAL_DECIMALS

_BY_EXPONENT = {
    digits: sorted(code for code, found in EXPONENTS.items() if found == digits)
    for digits in sorted(set(EXPONENTS.values()) - {USUAL_DECIMALS})
}


def whole(*fields: str, currency: str = "currency") -> Q:
    """Each of these amounts is whole in the smallest unit of the row's currency."""
    digits = Case(
        *[When(**{f"{currency}__in": codes}, then=Value(d)) for d, codes in _BY_EXPONENT.items()],
        default=Value(USUAL_DECIMALS),
        output_field=IntegerField(),
    )
    condition = Q()
    for field in fields:
        rounded = Func(F(field), digits, function="ROUND", output_field=DecimalField())
        condition &= Q(**{field: rounded})
    return condition


class TransactionField(models.Field):
    """PostgreSQL's xid8: the number of the transaction that wrote the row."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None or hasattr(value, "resolve_expression") else str(value)


class CurrentTransaction(Func):
    function = "pg_current_xact_id"
    template = "%(function)s()"
    output_field = TransactionField()
