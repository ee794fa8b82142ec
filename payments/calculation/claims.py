"""Claims: each shift, entry, adjustment and carried amount goes to one payment, by unique keys.

Claiming comes first and summing up second, over what was claimed: so what two batches reach for
at once is paid by whoever inserted first, and what appears in between is left for the next one.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from payments.calculation.scope import Run

_INTO = """
INSERT INTO payments_paymentclaim (provider_id, payment_id, {column})
SELECT %(provider)s, p.payment_id, s.id
FROM unnest(%(payments)s::bigint[], %(drivers)s::bigint[]) AS p(payment_id, driver_id)
"""

SHIFTS = (
    _INTO.format(column="shift_id")
    + """
JOIN shifts_shift s ON s.driver_id = p.driver_id
WHERE s.status = 'confirmed' AND s.business_date >= %(since)s AND s.business_date < %(end)s
ON CONFLICT DO NOTHING
"""
)

# An entry goes with its shift; one that came after its shift was settled, or has none, by itself.
ENTRIES = (
    _INTO.format(column="entry_id")
    + """
JOIN shifts_platformentry s ON s.driver_id = p.driver_id
LEFT JOIN shifts_shift w ON w.id = s.shift_id
LEFT JOIN payments_paymentclaim c ON c.shift_id = s.shift_id
WHERE s.business_date >= %(since)s AND s.business_date < %(end)s
    AND (s.shift_id IS NULL OR c.payment_id = p.payment_id OR w.status = 'settled')
    AND NOT EXISTS (SELECT FROM payments_paymentclaim taken WHERE taken.entry_id = s.id)
ON CONFLICT DO NOTHING
"""
)

ADJUSTMENTS = (
    _INTO.format(column="adjustment_id")
    + """
JOIN payments_adjustment s ON s.driver_id = p.driver_id
WHERE s.status = 'approved' AND s.due_on < %(end)s
ON CONFLICT DO NOTHING
"""
)

CARRIED = (
    _INTO.format(column="carried_from_id")
    + """
JOIN payments_payment s ON s.driver_id = p.driver_id
WHERE s.carried_amount > 0 AND s.status IN ('approved', 'paid', 'failed', 'returned', 'carried')
ON CONFLICT DO NOTHING
"""
)


def claim(run: Run, payments: Sequence[int], drivers: Sequence[int]) -> None:
    """Bind all that these drivers have to be paid to their payments of this batch."""
    statements = [ADJUSTMENTS, CARRIED]
    if run.rules.regular:
        statements = [SHIFTS, ENTRIES, *statements]
    values: dict[str, Any] = {
        "provider": run.batch.provider_id,
        "payments": list(payments),
        "drivers": list(drivers),
        "since": run.since,
        "end": run.period_end,
    }
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)


def release(payments: Sequence[int]) -> None:
    """Give back what these payments claimed, and their lines with it. Approved ones refuse."""
    if not payments:
        return
    with connection.cursor() as cursor:
        for table in ("payments_paymentline", "payments_paymentclaim"):
            cursor.execute(f"DELETE FROM {table} WHERE payment_id = ANY(%s)", [list(payments)])  # noqa: S608
