"""Strict fields of numbers and truth values: nothing is coerced, everything is bounded."""

import math
import re
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from voltop.api import errors
from voltop.api.fields.refusal import refusal

INT4_MAX, INT8_MAX = 2**31 - 1, 2**63 - 1
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,12})?")


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer; bounds default to 32 bits. Codes: invalid_number, out_of_range."""

    def __init__(
        self, *, min_value: int = -INT4_MAX - 1, max_value: int = INT4_MAX, **kwargs: Any
    ) -> None:
        self.range = range(min_value, max_value + 1)
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise refusal(errors.InvalidNumber)
        if data not in self.range:
            raise refusal(errors.OutOfRange)
        return data

    def to_representation(self, value: Any) -> int:
        return int(value)


class StrictDecimalField(serializers.DecimalField):
    """A decimal that is not money: a string like "12.50", or a JSON number of up to 15 digits.

    (More digits than that a float cannot carry: send a string.) Written out as a string with
    `decimal_places`. Codes: invalid_number, out_of_range.
    """

    def to_internal_value(self, data: Any) -> Decimal:
        if (type(data) is str and DECIMAL.fullmatch(data)) or type(data) is int:
            value = Decimal(data)
        elif type(data) is float and math.isfinite(data):
            value = Decimal(repr(data))
            if len(value.as_tuple().digits) > 15:
                raise refusal(errors.InvalidNumber)
        else:
            raise _no_number(data)
        return self._within(value)

    def _within(self, value: Decimal) -> Decimal:
        try:
            exact = value.quantize(Decimal(1).scaleb(-(self.decimal_places or 0))) + Decimal(0)
        except ArithmeticError:
            raise refusal(errors.OutOfRange) from None
        if exact != value:
            raise refusal(errors.InvalidNumber)
        if len(exact.as_tuple().digits) > (self.max_digits or 28):
            raise refusal(errors.OutOfRange)
        too_small = self.min_value is not None and exact < self.min_value
        if too_small or (self.max_value is not None and exact > self.max_value):
            raise refusal(errors.OutOfRange)
        return exact


class _DegreesField(StrictDecimalField):
    most: ClassVar[int]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_digits=9, decimal_places=6, min_value=-self.most, max_value=self.most, **kwargs
        )


class LatitudeField(_DegreesField):
    """Degrees north of the equator, WGS 84, to a tenth of a metre. Codes: as a decimal's."""

    most = 90


class LongitudeField(_DegreesField):
    """Degrees east of Greenwich, WGS 84, to a tenth of a metre. Codes: as a decimal's."""

    most = 180

    def validate_precision(self, value: Decimal) -> Decimal:
        return value


def _no_number(data: Any) -> ValidationError:
    named = type(data) is str and NOT_FINITE.fullmatch(data)
    return refusal(errors.NumberNotFinite if named else errors.InvalidNumber)


class StrictFloatField(serializers.FloatField):
    """A measured number (coordinates, angles): a finite JSON number within its bounds."""

    def __init__(self, *, min_value: float, max_value: float, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float):
            raise _no_number(data)
        if not math.isfinite(data):
            raise refusal(errors.NumberNotFinite)
        if not self.min_value <= data <= self.max_value:
            raise refusal(errors.OutOfRange)
        return float(data)


class StrictBooleanField(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            raise refusal(errors.BooleanExpected)
        return data

    def to_representation(self, value: Any) -> bool:
        return bool(value)
