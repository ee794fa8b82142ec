"""Who is in a batch: the drivers of a pay group, chunk by chunk in the order of their ids.

A driver belongs to the group of the latest terms that begin before the period's end, so that
whoever has left is still paid what comes late. Who has something to be paid and no terms at all
is looked for once, at the end, by the provider's default group.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from fleets.models import FleetPolicy
from payments.calculation.payslip import Bucket, Rules
from payments.models import PaymentBatch, RunType
from payments.periods import days_of
from payments.rules.components import Window
from voltop.money import exponent

LATE_DAYS = 400
"""How long before its period's start a batch still looks for work that was not paid."""

LONGEST_WINDOW_DAYS = 31


@dataclass(frozen=True, slots=True)
class Run:
    """One calculation of one batch."""

    batch: PaymentBatch
    rules: Rules
    buckets: tuple[Bucket, ...]
    dates: tuple[date, ...]
    bucket_of_date: tuple[int, ...]
    at: datetime

    @property
    def since(self) -> date:
        """The first business date whose unpaid work is looked for."""
        return self.rules.period[0] - timedelta(days=LATE_DAYS)

    @property
    def period_end(self) -> date:
        return self.rules.period[1]


def run_of(batch: PaymentBatch, at: datetime) -> Run:
    """What every chunk of the batch's calculation needs to know."""
    policy = FleetPolicy.objects.get(provider_id=batch.provider_id)
    calendar = batch.pay_group.calendar
    period = (batch.period_starts_on, batch.period_ends_on)
    back = timedelta(days=LATE_DAYS + LONGEST_WINDOW_DAYS)
    dates = tuple(days_of((period[0] - back, period[1])))
    numbers: dict[Bucket, int] = {}
    places = []
    for day in dates:
        week, month, own = (
            calendar.window(w, day)[0] for w in (Window.WEEK, Window.MONTH, Window.PERIOD)
        )
        places.append(numbers.setdefault(Bucket(week, month, own), len(numbers)))
    rules = Rules(
        period=period,
        calendar=calendar,
        regular=batch.run_type == RunType.REGULAR,
        cap_pct=policy.deduction_cap_pct,
        has_basis=bool(policy.deduction_basis.strip()),
        exponent=exponent(batch.currency),
    )
    return Run(batch, rules, tuple(numbers), dates, tuple(places), at)


MEMBERS = """
SELECT latest.driver_id FROM (
    SELECT DISTINCT ON (driver_id) driver_id, pay_group_id FROM payments_terms
    WHERE provider_id = %(provider)s AND valid_from < %(end)s AND driver_id > %(after)s
    ORDER BY driver_id, valid_from DESC
) latest
WHERE latest.pay_group_id = %(group)s {only}
ORDER BY latest.driver_id LIMIT %(limit)s
"""

WITH_ADJUSTMENTS = """
AND EXISTS (
    SELECT FROM payments_adjustment a WHERE a.driver_id = latest.driver_id
        AND a.status = 'approved' AND a.due_on < %(end)s
)
"""

STRANGERS = """
SELECT w.driver_id FROM (
    SELECT s.driver_id FROM shifts_shift s
    WHERE s.provider_id = %(provider)s AND s.status = 'confirmed'
        AND s.business_date >= %(since)s AND s.business_date < %(end)s
    UNION SELECT e.driver_id FROM shifts_platformentry e
    WHERE e.provider_id = %(provider)s AND e.driver_id IS NOT NULL
        AND e.business_date >= %(since)s AND e.business_date < %(end)s
    UNION SELECT a.driver_id FROM payments_adjustment a
    WHERE a.provider_id = %(provider)s AND a.status = 'approved' AND a.due_on < %(end)s
) w
WHERE NOT EXISTS (
    SELECT FROM payments_terms t WHERE t.driver_id = w.driver_id AND t.valid_from < %(end)s
)
ORDER BY w.driver_id
"""


def members(run: Run, after: int, limit: int) -> list[int]:
    """The next drivers of the group with an id above `after`."""
    only = "" if run.rules.regular else WITH_ADJUSTMENTS
    with connection.cursor() as cursor:
        cursor.execute(
            MEMBERS.format(only=only), {**_facts_of(run), "after": after, "limit": limit}
        )
        return [row[0] for row in cursor.fetchall()]


def count_members(run: Run) -> int:
    """How many drivers the group has for this period."""
    return len(members(run, 0, 10**9))


def strangers(run: Run) -> list[int]:
    """Drivers with something to be paid and no terms; for the default group only."""
    if not run.batch.pay_group.is_default:
        return []
    with connection.cursor() as cursor:
        cursor.execute(STRANGERS, _facts_of(run))
        return [row[0] for row in cursor.fetchall()]


def _facts_of(run: Run) -> dict[str, Any]:
    return {
        "provider": run.batch.provider_id,
        "group": run.batch.pay_group_id,
        "since": run.since,
        "end": run.period_end,
    }
