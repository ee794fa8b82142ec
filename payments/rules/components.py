"""The components of a pay plan: named rules, each paying for the facts of one window.

| rule | pays |
|---|---|
| hourly | rate per worked hour, of the hours between `from_h` and `to_h` of the window |
| per_km | rate per km, of all or of paid km |
| per_trip | rate per trip |
| income_share | per cent of platform income of some kinds, in tiers of the window's income |
| guarantee | what other components of the window fall short of a rate per worked hour |
| bonus | an amount once the window's hours, km, trips or income reach a mark |

Hours and km of platform-found work count as the metrics say. `parse` turns the stored form (JSON)
into these and refuses everything else; `evaluate` is the whole calculation of one window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from payments.rules.amounts import Rate, total
from payments.rules.facts import Facts

HOUR_S = 3600
KM_M = 1000


class Window(StrEnum):
    """What a component looks at as a whole: the pay group's week, a calendar month, the period."""

    WEEK = "week"
    MONTH = "month"
    PERIOD = "period"


@dataclass(frozen=True, slots=True)
class Earned:
    """What one component comes to in one window; `quantity` in base units: s, m, trip, money."""

    key: str
    quantity: int
    unit: str
    rate: str
    amount: int


class Rule(Protocol):
    """One component of a plan."""

    @property
    def key(self) -> str: ...

    @property
    def window(self) -> Window: ...

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        """Apply to a window's facts; `earned` holds the components before it, by key."""


@dataclass(frozen=True, slots=True)
class Hourly:
    key: str
    window: Window
    rate: Rate
    shown: str
    from_s: int = 0
    to_s: int | None = None

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        upper = facts.worked_s if self.to_s is None else min(facts.worked_s, self.to_s)
        seconds = max(0, upper - self.from_s)
        return Earned(self.key, seconds, "s", self.shown, self.rate.of(seconds))


@dataclass(frozen=True, slots=True)
class PerKm:
    key: str
    window: Window
    rate: Rate
    shown: str
    paid_only: bool = False

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        metres = facts.paid_m if self.paid_only else facts.distance_m
        return Earned(self.key, metres, "m", self.shown, self.rate.of(metres))


@dataclass(frozen=True, slots=True)
class PerTrip:
    key: str
    window: Window
    rate: Rate
    shown: str

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        return Earned(self.key, facts.trips, "trip", self.shown, self.rate.of(facts.trips))


@dataclass(frozen=True, slots=True)
class IncomeShare:
    """`tiers`: (from, share) in rising order from 0; each part of the income has its own share."""

    key: str
    window: Window
    kinds: tuple[str, ...]
    tiers: tuple[tuple[int, Rate], ...]
    shown: str

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        income = facts.income(self.kinds)
        return Earned(self.key, income, "money", self.shown, total(self._parts(income)))

    def _parts(self, income: int) -> list[tuple[int, Rate]]:
        """Income by tier; an income below zero (refunds) is shared at the first tier."""
        if income <= 0:
            return [(income, self.tiers[0][1])]
        ends = [start for start, _share in self.tiers[1:]] + [income]
        return [
            (max(0, min(income, end) - start), share)
            for (start, share), end in zip(self.tiers, ends, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Guarantee:
    key: str
    window: Window
    rate: Rate
    counts: tuple[str, ...]
    shown: str

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        short = self.rate.of(facts.worked_s) - sum(earned[key] for key in self.counts)
        return Earned(self.key, facts.worked_s, "s", self.shown, max(0, short))


METRICS: Mapping[str, Callable[[Facts, Sequence[str]], int]] = {
    "hours": lambda facts, kinds: facts.worked_s,
    "km": lambda facts, kinds: facts.distance_m,
    "trips": lambda facts, kinds: facts.trips,
    "income": lambda facts, kinds: facts.income(kinds),
}
UNITS = {"hours": "s", "km": "m", "trips": "trip", "income": "money"}


@dataclass(frozen=True, slots=True)
class Bonus:
    key: str
    window: Window
    metric: str
    at_least: int
    amount: int
    kinds: tuple[str, ...]
    shown: str

    def earn(self, facts: Facts, earned: Mapping[str, int]) -> Earned:
        reached = METRICS[self.metric](facts, self.kinds)
        amount = self.amount if reached >= self.at_least else 0
        return Earned(self.key, reached, UNITS[self.metric], self.shown, amount)


def evaluate(rules: Sequence[Rule], window: Window, facts: Facts) -> list[Earned]:
    """What each component of this kind of window comes to, in the plan's order."""
    earned: dict[str, int] = {}
    found = []
    for rule in rules:
        if rule.window == window:
            item = rule.earn(facts, earned)
            earned[item.key] = item.amount
            found.append(item)
    return found


def share(percent: Decimal) -> Rate:
    """A percentage as money per money."""
    return Rate.per(percent, 0, 100)
