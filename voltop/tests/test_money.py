"""Money is neither made nor lost by rounding and splitting, whatever the currency and sign."""

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltop import money

CURRENCIES = ["JPY", "CLP", "MXN", "EUR", "BHD", "TND"]
MINOR = st.integers(-(10**14), 10**14)
WEIGHTS = st.lists(
    st.one_of(st.integers(0, 10**6), st.decimals(0, 10**6, places=4)), min_size=1, max_size=60
).filter(any)


@given(MINOR, WEIGHTS, st.sampled_from(CURRENCIES))
def test_parts_sum_to_the_whole_and_each_is_within_a_unit_of_its_share(minor, weights, currency):
    total = money.from_minor(minor, currency)
    parts = money.split_money(total, weights, currency)
    assert sum(parts, D(0)) == total
    whole = sum(map(Fraction, weights))
    for part, weight in zip(parts, weights, strict=True):
        exact = minor * Fraction(weight) / whole
        assert abs(money.to_minor(part, currency) - exact) < 1
        assert weight or part == 0


@given(MINOR, WEIGHTS, st.sampled_from(CURRENCIES))
def test_a_negative_total_splits_as_its_positive_one(minor, weights, currency):
    total = money.from_minor(minor, currency)
    assert money.split_money(-total, weights, currency) == [
        -part for part in money.split_money(total, weights, currency)
    ]


@given(MINOR, WEIGHTS, st.integers(1, 1000))
def test_only_the_proportion_of_the_weights_counts(minor, weights, factor):
    total = money.from_minor(minor, "EUR")
    scaled = [weight * factor for weight in weights]
    assert money.split_money(total, weights, "EUR") == money.split_money(total, scaled, "EUR")


@pytest.mark.parametrize(
    ("total", "weights", "currency", "parts"),
    [
        ("10.00", [1, 1, 1], "MXN", ["3.34", "3.33", "3.33"]),
        ("-10.00", [1, 1, 1], "MXN", ["-3.34", "-3.33", "-3.33"]),
        ("0.05", [D("0.3"), D("0.7")], "EUR", ["0.02", "0.03"]),  # equal remainders: the earlier
        ("100", [1, 1, 1], "JPY", ["34", "33", "33"]),
        ("1.000", [1, 1, 1, 0], "BHD", ["0.334", "0.333", "0.333", "0.000"]),
        ("0.01", [1, 2, 1], "USD", ["0.00", "0.01", "0.00"]),
        ("412.35", [7], "MXN", ["412.35"]),
    ],
)
def test_splits_of_known_amounts(total, weights, currency, parts):
    assert list(map(str, money.split_money(D(total), weights, currency))) == parts


@pytest.mark.parametrize("weights", [[], [0], [0, D(0)], [2, -1]])
def test_impossible_weights_are_the_callers_mistake(weights):
    with pytest.raises(ValueError, match="weights"):
        money.split_money(D(1), weights, "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("2.345", "EUR", "2.34"),
        ("2.355", "EUR", "2.36"),
        ("2.3450000000000000000000000001", "EUR", "2.35"),
        ("-2.345", "EUR", "-2.34"),
        ("0.5", "JPY", "0"),
        ("1.5", "JPY", "2"),
        ("0.0005", "KWD", "0.000"),
        ("0.0015", "KWD", "0.002"),
        ("-0.001", "EUR", "0.00"),
        ("-0", "JPY", "0"),
        ("1e2", "EUR", "100.00"),
        ("999999999999999.994", "EUR", "999999999999999.99"),
    ],
)
def test_rounding_is_half_even_and_knows_no_minus_zero(amount, currency, rounded):
    assert str(money.round_money(D(amount), currency)) == rounded


@given(MINOR, st.sampled_from(CURRENCIES))
def test_minor_units_come_back(minor, currency):
    amount = money.from_minor(minor, currency)
    assert money.to_minor(amount, currency) == minor
    assert -amount.as_tuple().exponent == money.exponent(currency)


@pytest.mark.parametrize(
    "code", ["mxn", "XXX", "XTS", "XAU", "€", "", "MX", "MXNN", "HRK", "ZZZ", "\0"]
)
def test_a_currency_that_is_not_active_is_refused(code):
    for call in (money.round_money, money.validate_amount, money.to_minor):
        with pytest.raises(money.UnknownCurrency):
            call(D(1), code)


@pytest.mark.parametrize(
    ("amount", "currency"), [("1.5", "JPY"), ("0.001", "MXN"), ("1.0001", "BHD"), ("-3.141", "EUR")]
)
def test_more_decimals_than_the_currency_has_are_refused(amount, currency):
    with pytest.raises(money.TooManyDecimals) as error:
        money.validate_amount(D(amount), currency)
    assert error.value.extra["decimals"] == money.exponent(currency)
    with pytest.raises(money.TooManyDecimals):
        money.split_money(D(amount), [1], currency)


@pytest.mark.parametrize(
    "amount", ["1e15", "-1e15", "1e1000000", "NaN", "sNaN", "Infinity", "-Infinity"]
)
def test_what_cannot_be_stored_is_out_of_range(amount):
    for call in (money.round_money, money.validate_amount, money.to_minor):
        with pytest.raises(money.AmountOutOfRange):
            call(D(amount), "EUR")


def test_rounding_up_to_the_limit_is_out_of_range_too():
    with pytest.raises(money.AmountOutOfRange):
        money.round_money(D("999999999999999.995"), "EUR")


@pytest.mark.parametrize("amount", ["0", "0.00", "-0.01"])
def test_a_positive_amount_is_more_than_zero(amount):
    money.validate_amount(D(amount), "EUR")
    with pytest.raises(money.AmountOutOfRange) as error:
        money.validate_positive_amount(D(amount), "EUR")
    assert error.value.extra["minimum"] == "0.01"
    money.validate_positive_amount(D("0.01"), "EUR")


def test_trailing_zeros_are_not_decimals():
    money.validate_amount(D("5.0000"), "JPY")
    assert money.to_minor(D("5.0000"), "JPY") == 5


def test_a_money_field_keeps_its_precision_out_of_migrations():
    field = money.MoneyField()
    assert (field.max_digits, field.decimal_places) == (19, 4)
    assert field.deconstruct()[3] == {}
    assert field.clone().max_digits == 19


@pytest.mark.parametrize(
    ("currency", "plain", "grouped"),
    [
        ("MXN", "-1234567.50", "-1,234,567.50"),
        ("JPY", "-1234568", "-1,234,568"),
        ("BHD", "-1234567.500", "-1,234,567.500"),
        ("???", "-1234567.50", "-1,234,567.50"),
    ],
)
def test_an_amount_is_shown_in_any_currency_also_in_one_that_is_none(currency, plain, grouped):
    amount = D("-1234567.5")
    assert money.shown(amount, currency) == plain
    assert money.shown(amount, currency, grouped=True) == grouped
    minor = -(10**18)  # more than `from_minor` takes
    decimals = money.shown_decimals(currency)
    assert money.shown_minor(minor, currency) == D(minor) / 10**decimals


def test_the_largest_amount_fits_the_field():
    largest = money.MAX_ABSOLUTE - D("0.0001")
    assert money.MoneyField().clean(largest, None) == largest
