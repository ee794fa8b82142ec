"""Numbers without gaps, counted per provider: payslips, payouts, invoices.

A number is taken inside the transaction that uses it: a rollback gives it back, and a second
taker of the same series waits for the first. So take it late, just before the commit.
"""

from django.db import connection, transaction

from voltop.tables import Counter

__all__ = ["Counter", "next_number"]

TAKE = """
INSERT INTO voltop_counter AS counter (provider_id, name, last) VALUES (%s, %s, 1)
ON CONFLICT (provider_id, name) DO UPDATE SET last = counter.last + 1 RETURNING last
"""


def next_number(provider_id: int, name: str) -> int:
    """The next number (from 1) of a provider's series; gapless once the transaction commits."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a number is taken inside the transaction that uses it")
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [provider_id, name])
        return int(cursor.fetchone()[0])
