"""Money in JSON: `{"amount": "412.35", "currency": "MXN"}`, the amount always a string."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from voltop import money
from voltop.api import errors
from voltop.api.fields.refusal import refusal, refusal_as
from voltop.errors import DomainError

AMOUNT = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,8})?")


class Money(NamedTuple):
    """An amount and its ISO 4217 currency."""

    amount: Decimal
    currency: str


@extend_schema_field(
    {
        "type": "object",
        "description": "An amount and its ISO 4217 currency.",
        "additionalProperties": False,
        "required": ["amount", "currency"],
        "properties": {
            "amount": {
                "type": "string",
                "pattern": r"^-?[0-9]{1,16}(\.[0-9]{1,8})?$",
                "maxLength": 26,
                "example": "412.35",
            },
            "currency": {
                "type": "string",
                "pattern": "^[A-Z]{3}$",
                "maxLength": 3,
                "example": "MXN",
            },
        },
    },
    component_name="Money",
)
class MoneyField(serializers.Field):
    """An amount with its currency, in and out as `Money`.

    Read from two columns of the object: `MoneyField("price_amount", "price_currency")`; a null
    amount is shown as null. Positive unless `allow_zero` or `allow_negative`.
    Codes: amount_must_be_string, invalid_number, too_many_decimals, amount_out_of_range,
    unknown_currency, object_expected, unknown_field, required.
    """

    def __init__(
        self,
        amount: str = "amount",
        currency: str = "currency",
        *,
        allow_zero: bool = False,
        allow_negative: bool = False,
        **kwargs: Any,
    ) -> None:
        self.amount, self.currency = amount, currency
        self.allow_zero, self.allow_negative = allow_zero, allow_negative
        super().__init__(**kwargs)

    def get_attribute(self, instance: Any) -> Money | None:
        if isinstance(instance, Mapping):
            return instance.get(self.field_name)
        amount = getattr(instance, self.amount)
        return None if amount is None else Money(amount, _follow(instance, self.currency))

    def to_representation(self, value: Money) -> dict[str, str]:
        return {"amount": money.shown(value.amount, value.currency), "currency": value.currency}

    def to_internal_value(self, data: Any) -> Money:
        if type(data) is not dict:
            raise refusal(errors.ObjectExpected)
        self._check_keys(data)
        amount, currency = data["amount"], data["currency"]
        if type(amount) is not str:
            raise refusal_as(errors.AmountMustBeString(field="amount"))
        if not AMOUNT.fullmatch(amount):
            raise refusal_as(errors.InvalidNumber(field="amount"))
        value = Decimal(amount)
        if value.is_zero() and value.is_signed():
            raise refusal_as(errors.InvalidNumber(field="amount"))  # there is no minus nothing
        if type(currency) is not str:
            raise refusal_as(money.UnknownCurrency(field="currency"))
        try:
            money.validate_amount(value, currency)
        except money.UnknownCurrency:
            raise refusal_as(money.UnknownCurrency(field="currency")) from None
        except DomainError as error:
            raise refusal_as(type(error)(field="amount", **error.extra)) from error
        if (value < 0 and not self.allow_negative) or (value == 0 and not self.allow_zero):
            raise refusal_as(money.AmountOutOfRange(field="amount"))
        return Money(value, currency)

    def _check_keys(self, data: dict[str, Any]) -> None:
        for key in data:
            if key not in ("amount", "currency"):
                raise refusal_as(errors.UnknownField(field=key))
        for key in ("amount", "currency"):
            if key not in data:
                raise refusal_as(errors.Required(field=key))


def _follow(instance: Any, path: str) -> str:
    for name in path.split("."):
        instance = getattr(instance, name)
    return str(instance)
