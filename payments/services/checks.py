"""The nightly recomputation: every balance, payment and payout from its parts.

The guards refuse wrong bookings; this finds what got past them (a switched-off trigger, a restored
backup, a defect). One smallest unit of difference is a finding. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from fleets.models import FleetProvider
from voltop import clock, jobs
from voltop.context import Actor

CHECK = "payments.check_books"
STATEMENT_TIMEOUT_MS = 120_000
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up: which check, which row, by how much."""

    check: str
    object_id: int
    difference: str


CHECKS: dict[str, str] = {
    "entry_balanced": """
        SELECT e.id, coalesce(sum(p.amount), 0)
        FROM payments_entry e LEFT JOIN payments_posting p ON p.entry_id = e.id
        WHERE e.provider_id = %(provider)s GROUP BY e.id
        HAVING coalesce(sum(p.amount), 1) <> 0 OR count(p.id) <> e.legs
            OR min(p.currency) <> e.currency OR max(p.currency) <> e.currency
    """,
    "payment_lines": """
        SELECT p.id, p.net_amount - coalesce(sum(l.amount), 0)
        FROM payments_payment p LEFT JOIN payments_paymentline l ON l.payment_id = p.id
        WHERE p.provider_id = %(provider)s AND p.status <> 'cancelled' GROUP BY p.id
        HAVING p.net_amount <> coalesce(sum(l.amount), 0)
    """,
    "payment_booked": """
        SELECT p.id, p.payable_amount + coalesce(sum(g.amount), 0)
        FROM payments_payment p
        LEFT JOIN payments_entry e ON e.provider_id = p.provider_id AND e.source_key IN (
            'payment:' || p.uuid || ':approved', 'payment:' || p.uuid || ':carried')
        LEFT JOIN payments_posting g ON g.entry_id = e.id AND g.account_id IN (
            SELECT a.id FROM payments_account a WHERE a.kind = 'driver'
                AND a.driver_id = p.driver_id)
        WHERE p.provider_id = %(provider)s AND p.approved_at IS NOT NULL GROUP BY p.id
        HAVING p.payable_amount + coalesce(sum(g.amount), 0) <> 0
    """,
    "driver_balance": """
        SELECT a.id, coalesce(b.total, 0) + coalesce(w.waiting, 0)
        FROM payments_account a
        LEFT JOIN LATERAL (
            SELECT sum(g.amount) AS total FROM payments_posting g WHERE g.account_id = a.id
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT sum(p.payable_amount) AS waiting FROM payments_payment p
            WHERE p.driver_id = a.driver_id AND p.status IN ('approved', 'failed', 'returned')
                AND NOT EXISTS (
                    SELECT FROM payments_payout o WHERE o.payment_id = p.id
                        AND o.status IN ('created', 'submitted', 'unknown', 'held')
                        AND o.payout_account_id IS NOT NULL)
        ) w ON true
        WHERE a.provider_id = %(provider)s AND a.kind = 'driver'
            AND coalesce(b.total, 0) + coalesce(w.waiting, 0) <> 0
    """,
    "clearing_balance": """
        SELECT a.id, coalesce(b.total, 0) + coalesce(u.under_way, 0)
        FROM payments_account a
        LEFT JOIN LATERAL (
            SELECT sum(g.amount) AS total FROM payments_posting g WHERE g.account_id = a.id
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT sum(o.amount) AS under_way FROM payments_payout o
            WHERE o.provider_id = a.provider_id AND o.payout_account_id IS NOT NULL
                AND o.status IN ('created', 'held', 'submitted', 'unknown')
        ) u ON true
        WHERE a.provider_id = %(provider)s AND a.kind = 'payout_clearing'
            AND coalesce(b.total, 0) + coalesce(u.under_way, 0) <> 0
    """,
    "bank_balance": """
        SELECT a.id, coalesce(b.total, 0) + coalesce(c.paid, 0)
        FROM payments_account a
        LEFT JOIN LATERAL (
            SELECT sum(g.amount) AS total FROM payments_posting g WHERE g.account_id = a.id
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT sum(o.amount) AS paid FROM payments_payout o
            WHERE o.provider_id = a.provider_id AND o.status = 'confirmed'
        ) c ON true
        WHERE a.provider_id = %(provider)s AND a.kind = 'bank'
            AND coalesce(b.total, 0) + coalesce(c.paid, 0) <> 0
    """,
    "carried_balance": """
        SELECT a.id, coalesce(b.total, 0) - coalesce(c.owed, 0)
        FROM payments_account a
        LEFT JOIN LATERAL (
            SELECT sum(g.amount) AS total FROM payments_posting g WHERE g.account_id = a.id
        ) b ON true
        LEFT JOIN LATERAL (
            SELECT sum(p.carried_amount) AS owed FROM payments_payment p
            WHERE p.driver_id = a.driver_id AND p.approved_at IS NOT NULL AND NOT EXISTS (
                SELECT FROM payments_paymentclaim k JOIN payments_payment q ON q.id = k.payment_id
                WHERE k.carried_from_id = p.id AND q.approved_at IS NOT NULL)
        ) c ON true
        WHERE a.provider_id = %(provider)s AND a.kind = 'driver_carried'
            AND coalesce(b.total, 0) - coalesce(c.owed, 0) <> 0
    """,
    "payout_amount": """
        SELECT o.id, o.amount - p.payable_amount
        FROM payments_payout o JOIN payments_payment p ON p.id = o.payment_id
        WHERE o.provider_id = %(provider)s AND o.amount <> p.payable_amount
    """,
    "evidence_frozen": """
        SELECT v.payment_id, 0 FROM payments_paymentevidence v
        WHERE v.provider_id = %(provider)s
            AND v.sha256 <> encode(sha256(convert_to(v.content::text, 'UTF8')), 'hex')
    """,
}


def find_differences(provider_id: int) -> list[Finding]:
    """All that does not add up in a provider's books; empty when all is well.

    One statement, so that all checks see the same instant.
    """
    parts = [
        f"SELECT '{name}', found.* FROM ({statement}) AS found(id, difference)"  # noqa: S608
        for name, statement in CHECKS.items()
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        cursor.execute(" UNION ALL ".join(parts), {"provider": provider_id})
        return [Finding(name, pk, format(amount, "f")) for name, pk, amount in cursor.fetchall()]


def check_books(provider_id: int, *, at: datetime | None = None) -> list[Finding]:
    """Recompute a provider's books and leave the result as a job that staff see."""
    actor = Actor.system(CHECK, provider_id)
    job = jobs.queue(CHECK, actor=actor, at=at)
    jobs.start(job.pk, actor=actor, at=at)
    found = find_differences(provider_id)
    shown = [{"check": f.check, "id": f.object_id, "by": f.difference} for f in found[:SHOWN]]
    jobs.finish(job.pk, actor=actor, result={"findings": len(found), "first": shown}, at=at)
    return found


def nightly(*, at: datetime | None = None) -> int:
    """Check the books of every provider once a day; how many findings there are in all."""
    day = (at or clock.now()).date().isoformat()
    total = 0
    with jobs.apart(f"{CHECK}.nightly", at=at) as pieces:
        for provider_id in list(FleetProvider.objects.order_by("pk").values_list("pk", flat=True)):
            # Together: a worker lost on the way gives the day back.
            with pieces.of(provider_id), transaction.atomic():
                if jobs.claim_run(CHECK, day, provider_id):
                    total += len(check_books(provider_id, at=at))
    return total
