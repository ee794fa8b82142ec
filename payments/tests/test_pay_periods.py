"""Periods and windows of pay, by the calendar."""

from datetime import date, timedelta

import pytest

from payments.periods import Calendar, common_days, days_of
from payments.rules.components import Window

ANCHOR = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("cadence", "starts_on", "on", "expected"),
    [
        ("weekly", 0, date(2026, 11, 20), (date(2026, 11, 16), date(2026, 11, 23))),
        ("weekly", 6, date(2026, 11, 20), (date(2026, 11, 15), date(2026, 11, 22))),
        ("weekly", 4, date(2026, 11, 20), (date(2026, 11, 20), date(2026, 11, 27))),
        ("biweekly", 0, date(2026, 1, 18), (date(2026, 1, 5), date(2026, 1, 19))),
        ("biweekly", 0, date(2026, 1, 4), (date(2025, 12, 22), date(2026, 1, 5))),
        ("semi_monthly", 0, date(2024, 2, 15), (date(2024, 2, 1), date(2024, 2, 16))),
        ("semi_monthly", 0, date(2024, 2, 29), (date(2024, 2, 16), date(2024, 3, 1))),
        ("monthly", 0, date(2026, 12, 31), (date(2026, 12, 1), date(2027, 1, 1))),
    ],
)
def test_period_of_a_day(cadence, starts_on, on, expected):
    assert Calendar(cadence, starts_on, ANCHOR).period(on) == expected


@pytest.mark.parametrize("cadence", ["weekly", "biweekly", "semi_monthly", "monthly"])
def test_periods_tile_the_years(cadence):
    calendar = Calendar(cadence, 3, ANCHOR)
    day = date(2023, 12, 1)
    for _n in range(800):
        start, end = calendar.period(day)
        assert start <= day < end
        assert calendar.period(end)[0] == end
        day += timedelta(days=1)


def test_windows_of_a_component():
    calendar = Calendar("semi_monthly", 6, ANCHOR)
    on = date(2026, 11, 20)
    assert calendar.window(Window.WEEK, on) == (date(2026, 11, 15), date(2026, 11, 22))
    assert calendar.window(Window.MONTH, on) == (date(2026, 11, 1), date(2026, 12, 1))
    assert calendar.window(Window.PERIOD, on) == (date(2026, 11, 16), date(2026, 12, 1))


def test_common_days_and_days():
    week = (date(2026, 11, 16), date(2026, 11, 23))
    assert common_days(week, (date(2026, 11, 20), None)) == 3
    assert common_days(week, (date(2026, 11, 1), date(2026, 11, 18))) == 2
    assert common_days(week, (date(2026, 11, 23), None)) == 0
    assert len(list(days_of(week))) == 7
