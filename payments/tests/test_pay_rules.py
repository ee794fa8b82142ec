"""What components pay, worked out by hand. Pure: no database."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.rules.amounts import Rate, half_even, total
from payments.rules.components import Earned, Window, evaluate
from payments.rules.facts import Facts, merged
from payments.rules.limits import Settlement, settle
from payments.rules.parse import BadComponent, parse_plan
from payments.rules.rent import RentPer, rent

PARAMS = {
    "hourly": {"rate": "12.50"},
    "per_km": {"rate": "0.185", "basis": "km"},
    "per_trip": {"rate": "0.75"},
    "income_share": {
        "kinds": ["fare", "tip"],
        "tiers": [{"from": "0", "pct": "40"}, {"from": "500", "pct": "55.5"}],
    },
    "bonus": {"metric": "trips", "at_least": "100", "amount": "25"},
}


def plan(*components: dict, exponent: int = 2):
    return parse_plan(components, exponent)


def component(rule: str, key: str | None = None, window: str = "week", **params) -> dict:
    wanted = {**PARAMS.get(rule, {}), **params}
    return {"key": key or rule, "rule": rule, "window": window, "params": wanted}


def amounts(rules, facts: Facts) -> dict[str, int]:
    return {item.key: item.amount for item in evaluate(rules, Window.WEEK, facts)}


# --- Rounding ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("n", "d", "expected"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (0, 9, 0)],
)
def test_half_goes_to_the_even_neighbour(n, d, expected):
    assert half_even(n, d) == expected


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_rounding_agrees_with_decimal_arithmetic(n, d):
    exact = Fraction(n, d)
    assert half_even(n, d) == round(exact)  # Fraction rounds half to even, exactly


@given(st.decimals(0, 999, places=4), st.integers(0, 10**7), st.sampled_from([0, 2, 3]))
def test_rate_of_a_quantity_is_rounded_once(amount, seconds, exponent):
    exact = amount.scaleb(exponent) * seconds / 3600
    near = Rate.per(amount, exponent, 3600).of(seconds)
    assert abs(near - exact) <= Decimal("0.5")
    whole = Rate.per(amount, exponent, 3600).of(3600)
    assert whole == int(amount.scaleb(exponent).quantize(Decimal(1), ROUND_HALF_EVEN))


def test_parts_are_rounded_together_and_not_one_by_one():
    third = Rate(1, 3)
    assert total([(1, third), (1, third), (1, third)]) == 1
    assert total([]) == 0


# --- Components ----------------------------------------------------------------------------------
def test_hours_are_paid_by_the_second():
    rules = plan(component("hourly"))
    # 38 h 47 min 13 s = 139,633 s; × 12.50 / 3600 = 484.8368 → 484.84
    assert amounts(rules, Facts(worked_s=139_633)) == {"hourly": 48484}


def test_overtime_is_a_component_of_its_own_band():
    rules = plan(
        component("hourly", to_h="40"),
        component("hourly", "overtime", rate="18.75", from_h="40"),
    )
    assert amounts(rules, Facts(worked_s=43 * 3600 + 1800)) == {"hourly": 50000, "overtime": 6562}
    assert amounts(rules, Facts(worked_s=39 * 3600)) == {"hourly": 48750, "overtime": 0}


def test_kilometres_all_or_with_a_fare():
    rules = plan(component("per_km"), component("per_km", "paid", basis="paid_km"))
    facts = Facts(distance_m=812_345, paid_m=400_000)
    # 812.345 × 0.185 = 150.283825; 400 × 0.185 = 74.00
    assert amounts(rules, facts) == {"per_km": 15028, "paid": 7400}


def test_share_rises_by_tiers_of_the_windows_income():
    rules = plan(component("income_share"))
    # 500 × 40 % + 123.45 × 55.5 % = 200 + 68.51475
    assert amounts(rules, Facts(entries={"fare": 60000, "tip": 2345})) == {"income_share": 26851}
    assert amounts(rules, Facts(entries={"fare": 50000})) == {"income_share": 20000}
    assert amounts(rules, Facts(entries={"fare": 1, "fee": -900})) == {"income_share": 0}
    assert amounts(rules, Facts(entries={"fare": -1000})) == {"income_share": -400}


def test_guarantee_pays_what_the_counted_components_fall_short():
    rules = plan(
        component("income_share"),
        component("per_trip"),
        {
            "key": "guarantee",
            "rule": "guarantee",
            "window": "week",
            "params": {"rate": "15", "counts": ["income_share"]},
        },
    )
    ten_hours = Facts(worked_s=36_000, trips=8, entries={"fare": 30000})
    assert amounts(rules, ten_hours) == {"income_share": 12000, "per_trip": 600, "guarantee": 3000}
    good_day = Facts(worked_s=36_000, trips=8, entries={"fare": 50000})
    assert amounts(rules, good_day)["guarantee"] == 0


@pytest.mark.parametrize(
    ("metric", "at_least", "below", "reached"),
    [
        ("hours", "40", Facts(worked_s=143_999), Facts(worked_s=144_000)),
        ("km", "100.5", Facts(distance_m=100_499), Facts(distance_m=100_500)),
        ("trips", "3", Facts(trips=2), Facts(trips=3)),
        ("income", "10.01", Facts(entries={"fare": 1000}), Facts(entries={"fare": 1001})),
    ],
)
def test_bonus_is_paid_at_its_mark(metric, at_least, below, reached):
    kinds = {"kinds": ["fare"]} if metric == "income" else {}
    rules = plan(component("bonus", metric=metric, at_least=at_least, **kinds))
    assert amounts(rules, below) == {"bonus": 0}
    assert amounts(rules, reached) == {"bonus": 2500}


def test_only_components_of_the_asked_window_are_evaluated():
    rules = plan(component("per_trip"), component("per_trip", "monthly", window="month"))
    found = evaluate(rules, Window.MONTH, Facts(trips=4))
    assert found == [Earned("monthly", 4, "trip", "0.75/trip", 300)]


def test_currency_without_decimals_is_rounded_to_whole_units():
    rules = plan(component("hourly", rate="1250.5"), exponent=0)
    assert amounts(rules, Facts(worked_s=3600)) == {"hourly": 1250}
    assert amounts(rules, Facts(worked_s=3 * 3600)) == {"hourly": 3752}  # 3751.5 to even


def test_facts_add_up():
    one = Facts(1, 1, 100, 5, 2, 3, {"fare": 10, "tip": 1})
    other = Facts(2, 1, 200, 5, 2, 3, {"fare": 5})
    assert merged([one, other]) == Facts(3, 2, 300, 10, 4, 6, {"fare": 15, "tip": 1})


# --- What a plan may say -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("components", "field", "index"),
    [
        ([], "components", -1),
        ([component("hourly", rate=12.5)], "rate", 0),
        ([component("hourly", rate="-1")], "rate", 0),
        ([component("hourly", rate="1e3")], "rate", 0),
        ([component("hourly", rate="1_0")], "rate", 0),
        ([component("hourly", rate="NaN")], "rate", 0),
        ([component("hourly", rate="1.1234567")], "rate", 0),
        ([component("hourly", from_h="8", to_h="8")], "to_h", 0),
        ([component("hourly", extra="1")], "extra", 0),
        ([component("hourly", window="year")], "window", 0),
        ([component("hourly", "Hours")], "key", 0),
        ([component("hourly", "rent")], "key", 0),
        ([component("hourly"), component("hourly")], "key", 1),
        ([component("per_km", basis="miles")], "basis", 0),
        ([component("income_share", kinds=[])], "kinds", 0),
        ([component("income_share", kinds=["fare", "fare"])], "kinds", 0),
        ([component("income_share", kinds=["cash_collected"])], "kinds", 0),
        ([component("income_share", tiers=[{"from": "1", "pct": "5"}])], "tiers", 0),
        ([component("income_share", tiers=[{"from": "0", "pct": "101"}])], "tiers", 0),
        ([component("income_share", tiers=[{"from": "0"}])], "tiers", 0),
        ([component("income_share", tiers=[{"from": "0", "pct": "1"}] * 2)], "tiers", 0),
        ([component("guarantee", rate="1", counts=["hourly"])], "counts", 0),
        (
            [
                component("hourly", window="month"),
                component("guarantee", rate="1", counts=["hourly"]),
            ],
            "counts",
            1,
        ),
        ([component("bonus", metric="mood")], "metric", 0),
        ([component("bonus", metric="income")], "kinds", 0),
        ([component("bonus", at_least="1.5")], "at_least", 0),
        ([component("bonus", amount="1.001")], "amount", 0),
        ([{"key": "x", "rule": "y", "window": "week", "params": {}}], "rule", 0),
        ([{"key": "x", "rule": "hourly", "window": "week", "params": []}], "params", 0),
        ([component("hourly", f"h{n}") for n in range(21)], "components", -1),
    ],
)
def test_plan_with_a_mistake_is_refused_where_it_is(components, field, index):
    with pytest.raises(BadComponent) as caught:
        plan(*components)
    assert (caught.value.field, caught.value.index) == (field, index)


# --- Rent ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("per", "expected"),
    [(RentPer.DAY, 5 * 4000), (RentPer.WORK_DAY, 3 * 4000), (RentPer.WEEK, 2857)],
)
def test_rent_by_day_by_worked_day_and_by_part_of_a_week(per, expected):
    assert rent(per, 4000, days=5, work_days=3) == expected


def test_whole_week_costs_the_weeks_rent():
    assert rent(RentPer.WEEK, 12345, days=7, work_days=0) == 12345


# --- What may be withheld ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # earnings 1000, rent 200, no cap in force
        ((100_000, 0, 0, 20_000, 100), Settlement(80_000, 0, 80_000)),
        # a quarter of 1000 is the most that rent may take; 150 is carried over
        ((100_000, 0, 0, 40_000, 25), Settlement(60_000, 15_000, 75_000)),
        # cash in the driver's hand settles first, without a cap
        ((100_000, 0, 90_000, 20_000, 100), Settlement(-10_000, 10_000, 0)),
        ((100_000, 0, 120_000, 20_000, 50), Settlement(-40_000, 40_000, 0)),
        # exactly nothing
        ((100_000, 0, 100_000, 0, 50), Settlement(0, 0, 0)),
        # reimbursements are paid out in full and do not widen the cap
        ((10_000, 5_000, 0, 9_000, 50), Settlement(6_000, 4_000, 10_000)),
        # a correction below zero leaves nothing to withhold from
        ((-10_000, 0, 0, 5_000, 50), Settlement(-15_000, 15_000, 0)),
        # the cap is rounded down, in the driver's favour
        ((101, 0, 0, 100, 50), Settlement(1, 50, 51)),
    ],
)
def test_settlement_by_hand(case, expected):
    earnings, reimbursements, cash, deductions, cap = case
    found = settle(
        earnings=earnings,
        reimbursements=reimbursements,
        cash=cash,
        deductions=deductions,
        cap_pct=cap,
    )
    assert found == expected


@given(
    st.integers(-(10**9), 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 100),
)
def test_settlement_loses_nothing_and_never_pays_below_zero(e, r, c, d, cap):
    found = settle(earnings=e, reimbursements=r, cash=c, deductions=d, cap_pct=cap)
    assert found.net == e + r - c - d
    assert found.payable == found.net + found.carried
    assert found.payable >= 0
    assert found.carried >= 0
    assert found.payable <= max(0, e + r - c)


def test_negative_inputs_are_a_programming_error():
    with pytest.raises(ValueError, match="not negative"):
        settle(earnings=0, reimbursements=0, cash=-1, deductions=0, cap_pct=50)
    with pytest.raises(ValueError, match="denominator"):
        half_even(1, 0)
