"""Sums of what payments have claimed: by driver, terms and dates of like windows. Reads only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from payments.calculation.payslip import Extra, Portion, TermsOf, Work
from payments.calculation.scope import Run
from payments.models import FINAL, PayComponent
from payments.rules.components import Rule
from payments.rules.parse import parse_plan
from voltop.errors import DomainError
from voltop.money import to_minor

_DATES = """
JOIN unnest(%(dates)s::date[], %(buckets)s::int[]) AS d(day, bucket)
    ON d.day = {source}.business_date
"""
_TERMS = """
LEFT JOIN payments_terms t ON t.driver_id = p.driver_id AND t.valid_from <= {source}.business_date
    AND (t.valid_to IS NULL OR t.valid_to > {source}.business_date)
"""
_SHIFT_SUMS = """
SELECT p.driver_id, t.id, d.bucket, count(*), count(DISTINCT s.business_date),
    coalesce(sum(m.worked_s), 0)::bigint, coalesce(sum(m.km) * 1000, 0)::bigint,
    coalesce(sum(m.paid_km) * 1000, 0)::bigint, coalesce(sum(m.trips), 0)::bigint,
    count(*) FILTER (WHERE m.id IS NULL), array_agg(s.id),
    sum(s.row_version + coalesce(m.row_version, 0))::bigint
FROM payments_paymentclaim c
{payment}
JOIN shifts_shift s ON s.id = c.shift_id
LEFT JOIN shifts_shiftmetrics m ON m.shift_id = s.id
"""
_ENTRY_SUMS = """
SELECT p.driver_id, t.id, d.bucket, e.kind, sum(e.amount),
    count(*) FILTER (WHERE e.currency <> %(currency)s), array_agg(e.id), sum(e.row_version)::bigint
FROM payments_paymentclaim c
{payment}
JOIN shifts_platformentry e ON e.id = c.entry_id
"""
_FRESH = """
JOIN unnest(%(payments)s::bigint[], %(drivers)s::bigint[]) AS p(id, driver_id)
    ON p.id = c.payment_id
"""
_PRIOR = """
JOIN payments_payment p ON p.id = c.payment_id AND p.driver_id = ANY(%(drivers)s)
    AND p.status = ANY(%(final)s)
"""


def _statement(sums: str, payment: str, source: str, group: str) -> str:
    return (
        sums.format(payment=payment)
        + _DATES.format(source=source)
        + _TERMS.format(source=source)
        + f" GROUP BY {group}"
    )


FRESH_SHIFTS = _statement(_SHIFT_SUMS, _FRESH, "s", "1, 2, 3")
FRESH_ENTRIES = _statement(_ENTRY_SUMS, _FRESH, "e", "1, 2, 3, 4")
PRIOR_SHIFTS = _statement(_SHIFT_SUMS, _PRIOR, "s", "1, 2, 3")
PRIOR_ENTRIES = _statement(_ENTRY_SUMS, _PRIOR, "e", "1, 2, 3, 4")

PAID_BEFORE = """
SELECT p.driver_id, l.terms_id, l.key, l.window_starts_on, sum(l.amount)
FROM payments_paymentline l JOIN payments_payment p ON p.id = l.payment_id
WHERE p.driver_id = ANY(%(drivers)s) AND p.status = ANY(%(final)s)
    AND l.terms_id IS NOT NULL AND l.window_starts_on >= %(since)s
GROUP BY 1, 2, 3, 4
"""
TERMS = """
SELECT driver_id, id, valid_from, valid_to, plan_version_id, rent_amount, rent_per,
    accepted_at IS NOT NULL
FROM payments_terms
WHERE driver_id = ANY(%(drivers)s) AND valid_from < %(end)s
    AND (valid_to IS NULL OR valid_to > %(since)s)
ORDER BY driver_id, valid_from
"""
ADJUSTMENTS = """
SELECT a.driver_id, a.id, a.kind, a.amount FROM payments_paymentclaim c
JOIN payments_adjustment a ON a.id = c.adjustment_id
WHERE c.payment_id = ANY(%(payments)s) ORDER BY a.id
"""
CARRIED = """
SELECT p.driver_id, p.id, 'carried', p.carried_amount FROM payments_paymentclaim c
JOIN payments_payment p ON p.id = c.carried_from_id
WHERE c.payment_id = ANY(%(payments)s) ORDER BY p.id
"""
OVERLAPS = """
SELECT DISTINCT p.driver_id, p.batch_id FROM payments_payment p
WHERE p.driver_id = ANY(%(drivers)s) AND p.batch_id <> %(batch)s AND p.run_type = %(run_type)s
    AND p.status NOT IN ('exception', 'cancelled')
    AND p.period_starts_on < %(end)s AND p.period_ends_on > %(start)s
"""

Plans = dict[int, tuple[Rule, ...]]


def gather(
    run: Run, payments: Sequence[int], drivers: Sequence[int], plans: Plans
) -> dict[int, Work]:
    """What each driver's payment is made of, by driver; `plans` is kept between chunks."""
    works = {driver: Work(driver) for driver in drivers}
    values = _values(run, payments, drivers)
    _read_terms(run, works, values, plans)
    portions = _Portions(run, works, "fresh")
    portions.add_shifts(_rows(FRESH_SHIFTS, values))
    portions.add_entries(_rows(FRESH_ENTRIES, values))
    _read_extras(run, works, values)
    for driver, batch in _rows(OVERLAPS, values):
        works[driver].problems.append({"code": "period_overlap", "batch": batch})
    return works


def gather_prior(run: Run, works: Mapping[int, Work], since: date) -> None:
    """Add what approved payments have already paid of these drivers' windows from `since` on."""
    values = _values(run, [], list(works)) | {"since": since}
    shown = [(d, b) for d, b in zip(run.dates, run.bucket_of_date, strict=True) if d >= since]
    values |= {"dates": [d for d, _b in shown], "buckets": [b for _d, b in shown]}
    portions = _Portions(run, works, "prior")
    portions.add_shifts(_rows(PRIOR_SHIFTS, values))
    portions.add_entries(_rows(PRIOR_ENTRIES, values))
    for driver, terms, key, start, amount in _rows(PAID_BEFORE, values):
        works[driver].paid[terms, key, start] = _minor(run, amount)


def _values(run: Run, payments: Sequence[int], drivers: Sequence[int]) -> dict[str, Any]:
    return {
        "payments": list(payments),
        "drivers": list(drivers),
        "dates": list(run.dates),
        "buckets": list(run.bucket_of_date),
        "currency": run.batch.currency,
        "final": list(FINAL),
        "since": run.since,
        "start": run.rules.period[0],
        "end": run.period_end,
        "batch": run.batch.pk,
        "run_type": run.batch.run_type,
    }


def _rows(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _minor(run: Run, amount: Decimal) -> int:
    return to_minor(amount, run.batch.currency)


class _Portions:
    """Collects sums into portions, one per driver, terms and bucket."""

    def __init__(self, run: Run, works: Mapping[int, Work], into: str) -> None:
        self.run, self.works, self.into = run, works, into
        self.known: dict[tuple[int, int | None, int], Portion] = {}

    def _portion(self, driver: int, terms: int | None, bucket: int) -> Portion:
        key = (driver, terms, bucket)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Portion(terms, self.run.buckets[bucket])
            getattr(self.works[driver], self.into).append(found)
        return found

    def _count(self, driver: int, basis: int) -> None:
        if self.into == "fresh":
            self.works[driver].basis += basis

    def add_shifts(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for driver, terms, bucket, n, dates, worked, km, paid, trips, bare, ids, basis in rows:
            portion = self._portion(driver, terms, bucket)
            self._count(driver, basis)
            facts = portion.facts
            facts.shifts, facts.work_dates, facts.worked_s = n, dates, worked
            facts.distance_m, facts.paid_m, facts.trips = km, paid, trips
            portion.shift_ids, portion.without_metrics = ids, bare

    def add_entries(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for driver, terms, bucket, kind, amount, foreign, ids, basis in rows:
            portion = self._portion(driver, terms, bucket)
            self._count(driver, basis)
            portion.entry_ids[kind] = ids
            problems = self.works[driver].problems
            if foreign:
                problems.append({"code": "currency_mismatch", "entries": foreign})
                continue
            try:
                portion.facts.entries[kind] = _minor(self.run, amount)
            except DomainError as error:
                problems.append({"code": error.code, "kind": kind})


def _read_terms(
    run: Run, works: Mapping[int, Work], values: Mapping[str, Any], plans: Plans
) -> None:
    rows = _rows(TERMS, values)
    _load_plans(run, {row[4] for row in rows}, plans)
    for driver, pk, start, end, version, rent, per, accepted in rows:
        terms = TermsOf(pk, start, end, plans[version], _minor(run, rent), per, accepted)
        works[driver].terms.append(terms)


def _load_plans(run: Run, versions: set[int], plans: Plans) -> None:
    """Parse the versions that are not known yet."""
    missing = versions - plans.keys()
    if not missing:
        return
    by_version: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    components = PayComponent.objects.unscoped().filter(version_id__in=missing)
    names = ("key", "rule", "window", "params")
    for component in components.order_by("version_id", "position"):
        found = {name: getattr(component, name) for name in names}
        by_version[component.version_id].append(found)
    for version, stored in by_version.items():
        plans[version] = tuple(parse_plan(stored, run.rules.exponent))


def _read_extras(run: Run, works: Mapping[int, Work], values: Mapping[str, Any]) -> None:
    for statement, into in ((ADJUSTMENTS, "adjustments"), (CARRIED, "carried")):
        for driver, pk, kind, amount in _rows(statement, values):
            getattr(works[driver], into).append(Extra(pk, kind, _minor(run, amount)))
