"""Rates and rounding: quantity × rate, once, half to even, on whole numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


def half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator as the nearest whole number, a half to the even neighbour.

    5/2 gives 2, 7/2 gives 4, -5/2 gives -2. The denominator is positive.
    """
    if denominator <= 0:
        raise ValueError("the denominator is positive")
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and whole % 2):
        whole += 1
    return whole


@dataclass(frozen=True, slots=True)
class Rate:
    """Smallest money units per base unit (second, metre, piece, unit of money), exactly."""

    numerator: int
    denominator: int

    @classmethod
    def per(cls, amount: Decimal, exponent: int, base_units: int) -> "Rate":
        """`amount` major units for `base_units`, e.g. 12.50 USD (exponent 2) for 3,600 seconds."""
        exact = Fraction(amount) * 10**exponent / base_units
        return cls(exact.numerator, exact.denominator)

    def of(self, quantity: int) -> int:
        """What the quantity comes to: the one rounding of a line."""
        return half_even(quantity * self.numerator, self.denominator)


def total(parts: Iterable[tuple[int, Rate]]) -> int:
    """Several quantities at their own rates, added exactly and rounded together once."""
    exact = sum(
        (Fraction(quantity * rate.numerator, rate.denominator) for quantity, rate in parts),
        Fraction(),
    )
    return half_even(exact.numerator, exact.denominator)
