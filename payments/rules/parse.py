"""From a plan's stored components (JSON) to rules, refusing whatever is not exactly right."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from payments.rules.amounts import Rate
from payments.rules.components import (
    HOUR_S,
    KM_M,
    Bonus,
    Guarantee,
    Hourly,
    IncomeShare,
    PerKm,
    PerTrip,
    Rule,
    Window,
    share,
)

KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")
DECIMAL = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?")
INCOME_KINDS = ("fare", "tip", "toll", "promotion", "fee", "refund", "adjustment", "other")
MAX_COMPONENTS = 20
MAX_TIERS = 10
RESERVED = ("rent", "cash", "carried", "deposit")


class BadComponent(ValueError):
    """`index` of the component and the `field` that is wrong."""

    def __init__(self, field: str, reason: str, index: int = -1) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason, self.index = field, reason, index


class _Reader:
    """Takes the parameters of one component; what is left over at the end is an error."""

    def __init__(self, params: Mapping[str, Any], exponent: int) -> None:
        self.params = dict(params)
        self.exponent = exponent

    def take(self, name: str) -> Any:
        if name not in self.params:
            raise BadComponent(name, "required")
        return self.params.pop(name)

    def decimal(self, name: str, value: Any = None) -> Decimal:
        """A decimal written as a string, not negative, at most 6 decimals."""
        raw = self.take(name) if value is None else value
        if not isinstance(raw, str) or not DECIMAL.fullmatch(raw):
            raise BadComponent(name, "a decimal in a string, up to 9 digits and 6 decimals")
        return Decimal(raw)

    def optional_hours(self, name: str) -> int | None:
        """Hours as whole seconds; None if absent."""
        return self.whole(name, HOUR_S) if name in self.params else None

    def whole(self, name: str, factor: int, value: Any = None) -> int:
        """A decimal that is whole once multiplied by `factor`."""
        exact = self.decimal(name, value) * factor
        if exact != exact.to_integral_value():
            raise BadComponent(name, "too many decimals")
        return int(exact)

    def money(self, name: str, value: Any = None) -> int:
        return self.whole(name, 10**self.exponent, value)

    def percent(self, name: str, value: Any = None) -> Decimal:
        found = self.decimal(name, value)
        if found > 100:
            raise BadComponent(name, "at most 100")
        return found

    def names(self, name: str, allowed: Iterable[str]) -> tuple[str, ...]:
        """A list of distinct names out of `allowed`, at least one."""
        raw, known = self.take(name), tuple(allowed)
        if not isinstance(raw, list) or not raw or not all(isinstance(n, str) for n in raw):
            raise BadComponent(name, "a list of names")
        if len(set(raw)) != len(raw) or set(raw) - set(known):
            raise BadComponent(name, f"distinct names out of: {', '.join(known)}")
        return tuple(raw)

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        raw = self.take(name)
        if not isinstance(raw, str) or raw not in allowed:
            raise BadComponent(name, f"one of: {', '.join(allowed)}")
        return raw

    def end(self) -> None:
        if self.params:
            raise BadComponent(sorted(self.params)[0], "unknown parameter")


Before = Sequence[Rule]


def _hourly(key: str, window: Window, read: _Reader, before: Before) -> Rule:
    rate = read.decimal("rate")
    from_s, to_s = read.optional_hours("from_h") or 0, read.optional_hours("to_h")
    if to_s is not None and to_s <= from_s:
        raise BadComponent("to_h", "more than from_h")
    return Hourly(key, window, Rate.per(rate, read.exponent, HOUR_S), f"{rate}/h", from_s, to_s)


def _per_km(key: str, window: Window, read: _Reader, before: Before) -> Rule:
    rate = read.decimal("rate")
    basis = read.one_of("basis", ("km", "paid_km"))
    per = Rate.per(rate, read.exponent, KM_M)
    return PerKm(key, window, per, f"{rate}/km", paid_only=basis == "paid_km")


def _per_trip(key: str, window: Window, read: _Reader, before: Before) -> Rule:
    rate = read.decimal("rate")
    return PerTrip(key, window, Rate.per(rate, read.exponent, 1), f"{rate}/trip")


def _income_share(key: str, window: Window, read: _Reader, before: Before) -> Rule:
    kinds = read.names("kinds", INCOME_KINDS)
    raw = read.take("tiers")
    if not isinstance(raw, list) or not 0 < len(raw) <= MAX_TIERS:
        raise BadComponent("tiers", f"1 to {MAX_TIERS} tiers")
    tiers = []
    for tier in raw:
        if not isinstance(tier, dict) or set(tier) != {"from", "pct"}:
            raise BadComponent("tiers", 'each tier reads {"from": "0", "pct": "60"}')
        pct = read.percent("tiers", tier["pct"])
        tiers.append((read.money("tiers", tier["from"]), pct))
    starts = [start for start, _pct in tiers]
    if starts[0] != 0 or sorted(set(starts)) != starts:
        raise BadComponent("tiers", "in rising order, the first from 0")
    shown = " / ".join(f"{pct} %" for _start, pct in tiers)
    return IncomeShare(key, window, kinds, tuple((s, share(p)) for s, p in tiers), shown)


def _guarantee(key: str, window: Window, read: _Reader, before: Before) -> Rule:
    rate = read.decimal("rate")
    counts = read.names("counts", [rule.key for rule in before if rule.window == window])
    return Guarantee(key, window, Rate.per(rate, read.exponent, HOUR_S), counts, f"{rate}/h")


def _bonus(key: str, window: Window, read: _Reader, before: Before) -> Rule:
    metric = read.one_of("metric", ("hours", "km", "trips", "income"))
    kinds = read.names("kinds", INCOME_KINDS) if metric == "income" else ()
    shown = str(read.params.get("at_least", ""))
    if metric == "income":
        at_least = read.money("at_least")
    else:
        at_least = read.whole("at_least", {"hours": HOUR_S, "km": KM_M, "trips": 1}[metric])
    return Bonus(key, window, metric, at_least, read.money("amount"), kinds, f"≥ {shown}")


RULES: Mapping[str, Callable[[str, Window, _Reader, Before], Rule]] = {
    "hourly": _hourly,
    "per_km": _per_km,
    "per_trip": _per_trip,
    "income_share": _income_share,
    "guarantee": _guarantee,
    "bonus": _bonus,
}


def parse_plan(components: Sequence[Mapping[str, Any]], exponent: int) -> list[Rule]:
    """The rules of a plan, in order. Raises BadComponent naming the first thing that is wrong.

    A component reads {"key", "rule", "window", "params"}; keys are distinct; a guarantee counts
    only components before it, of its own window.
    """
    if not 0 < len(components) <= MAX_COMPONENTS:
        raise BadComponent("components", f"1 to {MAX_COMPONENTS} components")
    rules: list[Rule] = []
    for index, component in enumerate(components):
        try:
            rules.append(_component(component, exponent, rules))
        except BadComponent as error:
            raise BadComponent(error.field, error.reason, index) from None
    return rules


def _component(component: Mapping[str, Any], exponent: int, before: Before) -> Rule:
    key, rule, window = (component.get(name) for name in ("key", "rule", "window"))
    if not isinstance(key, str) or not KEY.fullmatch(key) or key in RESERVED:
        raise BadComponent("key", "1 to 32 small letters, digits and _, not a reserved word")
    if key in {rule.key for rule in before}:
        raise BadComponent("key", "used twice")
    if not isinstance(rule, str) or rule not in RULES:
        raise BadComponent("rule", f"one of: {', '.join(RULES)}")
    if window not in list(Window):
        raise BadComponent("window", f"one of: {', '.join(Window)}")
    params = component.get("params")
    if not isinstance(params, Mapping):
        raise BadComponent("params", "an object")
    read = _Reader(params, exponent)
    parsed = RULES[rule](key, Window(window), read, before)
    read.end()
    return parsed
