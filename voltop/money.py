"""Money: amounts as Decimal in a currency of ISO 4217, rounded once, split without loss.

An amount is stored in major units with up to four decimals (`MoneyField`); what a currency allows
is its exponent here. Half-even rounding, once per stored line, by `round_money` alone. No binary
floating point anywhere. Not here: exchange rates, and who owes whom (payments).
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError

EXPONENTS = {
    code: exponent
    for exponent, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
        2: (
            "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD"
            " CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS"
            " GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP"
            " LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK"
            " NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS"
            " SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST"
            " XCD XCG YER ZAR ZMW ZWG"
        ),
        3: "BHD IQD JOD KWD LYD OMR TND",
    }.items()
    for code in codes.split()
}
"""Decimals of each active currency: ISO 4217 list one, without funds, metals and test codes."""

USUAL_DECIMALS = 2

MAX_ABSOLUTE = Decimal(10) ** 15
"""Amounts stay below this, of either sign: 15 digits before the point fit a MoneyField."""

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class UnknownCurrency(DomainError):
    code = "unknown_currency"
    status = 400
    message = _("Name an active currency by its three capital letters, like MXN.")


class TooManyDecimals(DomainError):
    """The amount is finer than the currency's smallest unit; `extra.decimals` is what it has."""

    code = "too_many_decimals"
    status = 400
    message = _("This currency has fewer decimals.")


class AmountOutOfRange(DomainError):
    code = "amount_out_of_range"
    status = 400
    message = _("The amount is outside the allowed range.")


class MoneyField(models.DecimalField):
    """An amount in major units: 15 digits before the point, 4 behind it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "max_digits": 19, "decimal_places": 4})

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs


def exponent(currency: str) -> int:
    """Number of decimals of a currency; UnknownCurrency if it is not an active one."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(field="currency", value=currency[:16]) from None


def shown_decimals(currency: str) -> int:
    """Number of decimals that amounts are shown with; in a currency that is none, the usual two.

    For reading only: a row that somebody wrote straight into the database must not break the page
    it stands on. What is stored in such a currency has no more (`payments.models.amounts.whole`).
    """
    return EXPONENTS.get(currency, USUAL_DECIMALS)


def shown(amount: Decimal, currency: str, *, grouped: bool = False) -> str:
    """An amount in plain digits, as the API has it (3002.51); grouped for pages (3,002.51)."""
    return f"{amount:{',' if grouped else ''}.{shown_decimals(currency)}f}"


def shown_minor(minor: int, currency: str) -> Decimal:
    """As `from_minor`, for reading: whatever stands there."""
    return Decimal(minor).scaleb(-shown_decimals(currency), context=_EXACT)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """The amount in whole smallest units of its currency, half to even; never minus zero.

    Raises UnknownCurrency, and AmountOutOfRange for what is not finite or too large to store.
    """
    unit = Decimal(1).scaleb(-exponent(currency))
    _check_range(amount)
    rounded = amount.quantize(unit, context=_EXACT)
    _check_range(rounded)
    return rounded if rounded else abs(rounded)


def validate_amount(amount: Decimal, currency: str) -> None:
    """Raise unless the amount is storable and whole in the currency's smallest unit.

    UnknownCurrency, AmountOutOfRange (not finite, or 10^15 and more), TooManyDecimals.
    """
    if round_money(amount, currency) != amount:
        raise TooManyDecimals(field="amount", currency=currency, decimals=exponent(currency))


def validate_positive_amount(amount: Decimal, currency: str) -> None:
    """As `validate_amount`, and zero or less is AmountOutOfRange too."""
    validate_amount(amount, currency)
    if amount <= 0:
        raise AmountOutOfRange(field="amount", minimum=str(from_minor(1, currency)))


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in smallest units, e.g. cents; raises as `validate_amount` does."""
    validate_amount(amount, currency)
    return int(amount.scaleb(exponent(currency), context=_EXACT))


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount in major units that so many smallest units are."""
    amount = Decimal(minor).scaleb(-exponent(currency), context=_EXACT)
    _check_range(amount)
    return amount


def split_money(total: Decimal, weights: Sequence[Decimal | int], currency: str) -> list[Decimal]:
    """Parts of a total in proportion to the weights, which sum to it exactly.

    Largest-remainder method: each part is its exact share rounded down (in absolute value) and
    the left-over smallest units go one by one to the largest remainders, earlier parts first. So
    no part is off by a whole unit, and a negative total splits as its positive one does.

    Raises as `validate_amount`. Weights are finite and not negative, at least one is positive:
    ValueError otherwise, which is the caller's mistake and no user's.
    """
    shares = [Fraction(weight) for weight in weights]
    whole = sum(shares)
    if not whole or min(shares) < 0:
        raise ValueError("weights must not be negative and not all be zero")
    minor = to_minor(total, currency)
    exact = [abs(minor) * share / whole for share in shares]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: abs(minor) - sum(parts)]:
        parts[i] += 1
    sign = -1 if minor < 0 else 1
    return [from_minor(sign * part, currency) for part in parts]


def _check_range(amount: Decimal) -> None:
    if not amount.is_finite() or amount.copy_abs() >= MAX_ABSOLUTE:
        raise AmountOutOfRange(field="amount", below=str(MAX_ABSOLUTE))
