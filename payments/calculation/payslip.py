"""From what a driver did to the lines of a payslip: pure, on whole numbers.

Windows are looked at as a whole. What a window comes to now, less what earlier payments paid for
it, is the line; so a shift that comes late trues its old window up instead of being paid apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from payments.periods import Calendar, Period, common_days
from payments.rules.components import Rule, Window, evaluate
from payments.rules.facts import Facts, merged
from payments.rules.limits import Settlement, settle
from payments.rules.rent import RentPer, rent

LIMIT_MAJOR = 10**10
"""What a payslip's lines come to stays below this: then a batch of 100,000 can be summed up too."""
CASH_KIND = "cash_collected"
EARNING, REIMBURSEMENT, CASH = "earning", "reimbursement", "cash"
RENT, CHARGE, ADVANCE, CARRIED = "rent", "charge", "advance", "carried"
DEDUCTIONS = (RENT, CHARGE, ADVANCE, CARRIED)
ADJUSTMENT_CATEGORY = {
    "bonus": EARNING,
    "correction": EARNING,
    "reimbursement": REIMBURSEMENT,
    "penalty": CHARGE,
    "damage": CHARGE,
    "no_show_fee": CHARGE,
    "advance": ADVANCE,
}


@dataclass(frozen=True, slots=True)
class TermsOf:
    """A driver's terms as the calculation needs them; rent in smallest money units."""

    id: int
    valid_from: date
    valid_to: date | None
    rules: tuple[Rule, ...]
    rent: int
    rent_per: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Bucket:
    """Dates that lie in the same windows of every kind, by the first day of each."""

    week: date
    month: date
    period: date

    def start(self, window: Window) -> date:
        return {Window.WEEK: self.week, Window.MONTH: self.month}.get(window, self.period)


@dataclass(slots=True)
class Portion:
    """What a driver did in the dates of one bucket, under one set of terms (None: without)."""

    terms_id: int | None
    bucket: Bucket
    facts: Facts = field(default_factory=Facts)
    shift_ids: list[int] = field(default_factory=list)
    entry_ids: dict[str, list[int]] = field(default_factory=dict)
    without_metrics: int = 0


@dataclass(frozen=True, slots=True)
class Extra:
    """An adjustment, or an amount that an earlier payment carried over (positive: owed)."""

    id: int
    kind: str
    amount: int


@dataclass(slots=True)
class Work:
    """All that one payment is made of."""

    driver_id: int
    terms: list[TermsOf] = field(default_factory=list)
    fresh: list[Portion] = field(default_factory=list)
    prior: list[Portion] = field(default_factory=list)
    paid: dict[tuple[int, str, date], int] = field(default_factory=dict)
    adjustments: list[Extra] = field(default_factory=list)
    carried: list[Extra] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    basis: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for the whole batch."""

    period: Period
    calendar: Calendar
    regular: bool
    cap_pct: int
    has_basis: bool
    exponent: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line to come; amounts in smallest money units, as the driver feels them."""

    category: str
    key: str
    amount: int
    terms_id: int | None = None
    window: Period | None = None
    quantity: int | None = None
    unit: str = ""
    rate: str = ""
    paid_before: int = 0
    adjustment_id: int | None = None
    carried_from_id: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payslip:
    """The outcome for one driver. With exceptions there are no lines, and all amounts are 0."""

    lines: tuple[Line, ...]
    exceptions: tuple[dict[str, Any], ...]
    earnings: int
    reimbursements: int
    cash: int
    deductions: int
    settlement: Settlement


def make(work: Work, rules: Rules) -> Payslip:
    """The payslip of one driver."""
    problems = [*work.problems, *_problems_of(work)]
    if problems:
        return failed(problems)
    lines = [line for line in _lines(work, rules) if line.amount]
    problems = _problems_with(lines, work, rules)
    if problems:
        return failed(problems)
    sums: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.category] += line.amount
    cash, deductions = -sums[CASH], -sum(sums[category] for category in DEDUCTIONS)
    settlement = settle(
        earnings=sums[EARNING],
        reimbursements=sums[REIMBURSEMENT],
        cash=cash,
        deductions=deductions,
        cap_pct=rules.cap_pct,
    )
    return Payslip(
        lines=tuple(lines),
        exceptions=(),
        earnings=sums[EARNING],
        reimbursements=sums[REIMBURSEMENT],
        cash=cash,
        deductions=deductions,
        settlement=settlement,
    )


def failed(problems: Iterable[dict[str, Any]]) -> Payslip:
    """A payslip that could not be made, and why."""
    return Payslip((), tuple(problems), 0, 0, 0, 0, Settlement(0, 0, 0))


def touched_before(work: Work, rules: Rules) -> date | None:
    """The first day of the earliest window that fresh work reaches into before the period.

    None if earlier payments cannot have paid for any of its windows.
    """
    by_id = {terms.id: terms for terms in work.terms}
    starts = [
        portion.bucket.start(window)
        for portion in work.fresh
        if portion.terms_id is not None
        for window in _windows(by_id[portion.terms_id])
    ]
    earliest = min(starts, default=rules.period[0])
    return earliest if earliest < rules.period[0] else None


# --- Lines ---------------------------------------------------------------------------------------
def _lines(work: Work, rules: Rules) -> Iterable[Line]:
    for terms in work.terms:
        portions = [p for p in work.fresh if p.terms_id == terms.id]
        for window in _windows(terms):
            yield from _window_lines(terms, window, portions, work, rules)
        if rules.regular and terms.rent_per in (RentPer.DAY, RentPer.WEEK):
            yield from _calendar_rent(terms, rules)
    yield from _cash(work)
    for item in work.adjustments:
        category = ADJUSTMENT_CATEGORY[item.kind]
        yield Line(category, item.kind, item.amount, adjustment_id=item.id)
    for item in work.carried:
        yield Line(CARRIED, CARRIED, -item.amount, carried_from_id=item.id)


def _windows(terms: TermsOf) -> list[Window]:
    """The kinds of windows that these terms look at."""
    kinds = {rule.window for rule in terms.rules}
    if terms.rent_per == RentPer.WORK_DAY:
        kinds.add(Window.WEEK)
    return sorted(kinds)


def _window_lines(
    terms: TermsOf, window: Window, portions: Sequence[Portion], work: Work, rules: Rules
) -> Iterable[Line]:
    """The lines of every window of a kind in which something new happened."""
    for start in sorted({portion.bucket.start(window) for portion in portions}):
        fresh = [p for p in portions if p.bucket.start(window) == start]
        prior = [
            p for p in work.prior if p.terms_id == terms.id and p.bucket.start(window) == start
        ]
        facts = merged(p.facts for p in [*fresh, *prior])
        days = rules.calendar.window(window, start)
        for earned in evaluate(terms.rules, window, facts):
            before = work.paid.get((terms.id, earned.key, start), 0)
            yield Line(
                EARNING,
                earned.key,
                earned.amount - before,
                terms_id=terms.id,
                window=days,
                quantity=earned.quantity,
                unit=earned.unit,
                rate=earned.rate,
                paid_before=before,
                evidence=_evidence(fresh, earned.unit, bool(prior)),
            )
        if window == Window.WEEK and terms.rent_per == RentPer.WORK_DAY:
            before = work.paid.get((terms.id, RENT, start), 0)
            due = rent(RentPer.WORK_DAY, terms.rent, days=0, work_days=facts.work_dates)
            yield Line(
                RENT,
                RENT,
                -due - before,
                terms_id=terms.id,
                window=days,
                quantity=facts.work_dates,
                unit="day",
                rate=f"{_major(terms.rent, rules.exponent)}/{RentPer.WORK_DAY}",
                paid_before=before,
                evidence=_evidence(fresh, "day", bool(prior)),
            )


def _evidence(portions: Sequence[Portion], unit: str, trued_up: bool) -> dict[str, Any]:
    """The shifts or entries that a line newly rests on."""
    found: dict[str, Any] = {"shifts": sorted(i for p in portions for i in p.shift_ids)}
    if unit == "money":
        ids = (
            i for p in portions for kind, e in p.entry_ids.items() if kind != CASH_KIND for i in e
        )
        found = {"entries": sorted(ids)}
    if trued_up:
        found["trued_up"] = True
    return found


def _calendar_rent(terms: TermsOf, rules: Rules) -> Iterable[Line]:
    """Rent of every day of the period under the terms, worked or not."""
    days = common_days(rules.period, (terms.valid_from, terms.valid_to))
    if not days:
        return
    start = max(rules.period[0], terms.valid_from)
    end = rules.period[1] if terms.valid_to is None else min(rules.period[1], terms.valid_to)
    per = RentPer(terms.rent_per)
    yield Line(
        RENT,
        RENT,
        -rent(per, terms.rent, days=days, work_days=0),
        terms_id=terms.id,
        window=(start, end),
        quantity=days,
        unit="day",
        rate=f"{_major(terms.rent, rules.exponent)}/{per}",
    )


def _cash(work: Work) -> Iterable[Line]:
    """Cash that the driver already holds; taken back (below zero), it is paid out again."""
    total = sum(p.facts.entries.get(CASH_KIND, 0) for p in work.fresh)
    ids = sorted(i for p in work.fresh for i in p.entry_ids.get(CASH_KIND, ()))
    yield Line(
        CASH if total > 0 else REIMBURSEMENT,
        CASH,
        -total,
        quantity=len(ids),
        unit="entry",
        evidence={"entries": ids},
    )


def _major(minor: int, exponent: int) -> str:
    """A whole amount of smallest units as people write it."""
    whole, rest = divmod(minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}d}" if exponent else str(whole)


# --- What cannot be computed ---------------------------------------------------------------------
def _problems_of(work: Work) -> list[dict[str, Any]]:
    """Problems with what there is to compute from."""
    found: list[dict[str, Any]] = []
    if not work.terms:
        return [{"code": "no_terms"}]
    bare = [p for p in work.fresh if p.terms_id is None]
    if bare:
        dates = sorted({p.bucket.week.isoformat() for p in bare})
        found.append({"code": "no_terms_then", "weeks": dates})
    unmeasured = sum(p.without_metrics for p in work.fresh)
    if unmeasured:
        found.append({"code": "metrics_missing", "shifts": unmeasured})
    return found


def _problems_with(lines: Sequence[Line], work: Work, rules: Rules) -> list[dict[str, Any]]:
    """Problems with what came out: deductions without a basis, amounts beyond all measure."""
    found: list[dict[str, Any]] = []
    accepted = {terms.id for terms in work.terms if terms.accepted}
    latest = max(work.terms, key=lambda terms: terms.valid_from)
    takes = [line for line in lines if line.category in (RENT, CHARGE, ADVANCE) and line.amount < 0]
    if any((line.terms_id or latest.id) not in accepted for line in takes):
        found.append({"code": "terms_not_accepted"})
    if takes and not rules.has_basis:
        found.append({"code": "no_deduction_basis"})
    limit = LIMIT_MAJOR * 10**rules.exponent
    if sum(abs(line.amount) for line in lines) >= limit:
        found.append({"code": "amount_out_of_range"})
    return found
