"""The calendar of pay: periods of a pay group and windows of components. Dates only, half-open.

A period [starts_on, ends_on): `ends_on` is the first day after. Local dates come with the rows
(a shift's business date); nothing here knows of zones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from payments.rules.components import Window

Period = tuple[date, date]
WEEK = timedelta(days=7)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A pay group's cadence: weekly, biweekly, semi_monthly or monthly.

    week_starts_on: 0 = Monday. anchor_on: some first day of a biweekly period.
    """

    cadence: str
    week_starts_on: int
    anchor_on: date

    def week(self, on: date) -> Period:
        start = on - timedelta(days=(on.weekday() - self.week_starts_on) % 7)
        return start, start + WEEK

    def period(self, on: date) -> Period:
        """The pay period that a day lies in."""
        if self.cadence == "weekly":
            return self.week(on)
        if self.cadence == "biweekly":
            start = on - timedelta(days=(on - self.anchor_on).days % 14)
            return start, start + 2 * WEEK
        if self.cadence == "semi_monthly":
            return half_month(on)
        return month(on)

    def window(self, kind: Window, on: date) -> Period:
        """The window of that kind that a day lies in."""
        if kind == Window.WEEK:
            return self.week(on)
        return month(on) if kind == Window.MONTH else self.period(on)


def month(on: date) -> Period:
    start = on.replace(day=1)
    return start, (start + timedelta(days=31)).replace(day=1)


def half_month(on: date) -> Period:
    """The 1st to the 15th, or the 16th to the end."""
    if on.day <= 15:
        return on.replace(day=1), on.replace(day=16)
    return on.replace(day=16), month(on)[1]


def days_of(period: Period) -> Iterator[date]:
    """Every day of [start, end)."""
    day, end = period
    while day < end:
        yield day
        day += DAY


def common_days(one: Period, other: tuple[date, date | None]) -> int:
    """How many days two periods share; an open end is None."""
    start = max(one[0], other[0])
    end = one[1] if other[1] is None else min(one[1], other[1])
    return max(0, (end - start).days)
