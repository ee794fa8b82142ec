"""Approving a batch: a second person's word, after which only adjustments correct anything."""

from datetime import datetime

from django.db import connection, transaction

from fleets.services import second_factor
from payments.errors import (
    CalculationOutdated,
    FourEyes,
    FundingAccountNotActive,
    FundingShort,
    NothingToApprove,
    PersonRequired,
)
from payments.models import (
    BATCH_MACHINE,
    BatchStatus,
    FundingAccount,
    FundingStatus,
    Payment,
    PaymentBatch,
    PaymentStatus,
)
from payments.services.batches import locked
from voltop import clock, jobs
from voltop.context import Actor
from voltop.rings import ring

POST = "payments.post"
"""The task that books an approved batch."""


@transaction.atomic
def approve_batch(
    batch: PaymentBatch,
    *,
    actor: Actor,
    funding_account: FundingAccount | None = None,
    reason: str = "",
    at: datetime | None = None,
) -> PaymentBatch:
    """In review → approved, by a person who neither opened nor last changed the batch.

    The ready payments are booked by workers right after; exceptions and held ones are left out.
    A funding account whose balance is known must hold the total.
    Raises PersonRequired, FreshSecondFactorRequired, FourEyes (403), IllegalMove,
    NothingToApprove, CalculationOutdated, FundingAccountNotActive, FundingShort (409).
    """
    at = at or clock.now()
    actor.require_same_provider(*filter(None, (batch, funding_account)))
    if actor.kind != "user":
        raise PersonRequired()
    second_factor.require_fresh(actor, batch.provider_id, at=at)
    batch = locked(batch)
    in_review = batch.status == BatchStatus.IN_REVIEW
    if in_review and batch.four_eyes and str(actor) in (batch.created_by, batch.changed_by):
        raise FourEyes()
    BATCH_MACHINE.move(
        batch,
        BatchStatus.APPROVED,
        actor=actor,
        at=at,
        reason=reason,
        approved_by=str(actor),
        approved_at=at,
        funding_account=funding_account,
    )
    ready = Payment.objects.filter(batch=batch, status=PaymentStatus.READY)
    count = ready.count()
    if not count:
        raise NothingToApprove()
    require_current(batch)
    _require_funds(batch, funding_account)
    job = jobs.queue(POST, actor=actor, params={"batch": batch.pk}, total=count, at=at)
    PaymentBatch.objects.filter(pk=batch.pk).update(job_id=job.pk)
    ring(POST, batch.pk)
    batch.refresh_from_db()
    return batch


BY_KEY = "SET LOCAL enable_seqscan = off"
CHANGED = """
SELECT p.driver_id FROM payments_payment p
LEFT JOIN payments_paymentclaim c ON c.payment_id = p.id
LEFT JOIN shifts_shift s ON s.id = c.shift_id
LEFT JOIN shifts_shiftmetrics m ON m.shift_id = c.shift_id
LEFT JOIN shifts_platformentry e ON e.id = c.entry_id
WHERE p.batch_id = %(batch)s AND p.status = 'ready'
GROUP BY p.id
HAVING p.calculation <> %(calculation)s OR p.basis <> coalesce(sum(
    coalesce(s.row_version, 0) + coalesce(m.row_version, 0) + coalesce(e.row_version, 0)
), 0)
ORDER BY p.driver_id LIMIT 50
"""
"""With BY_KEY each payment's claims are looked up by its key. A batch is calculated and approved
before the database has counted its rows; believing in a handful, it reads all claims for each."""


def require_current(batch: PaymentBatch) -> None:
    """Guard of the approval. Raises CalculationOutdated if what was paid for has changed since.

    Payments that a failed calculation did not reach are not current either.
    """
    with connection.cursor() as cursor:
        cursor.execute(BY_KEY)
        cursor.execute(CHANGED, {"batch": batch.pk, "calculation": batch.calculation})
        drivers = [row[0] for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_seqscan = on")
    if drivers:
        raise CalculationOutdated(drivers=drivers)
    unreached = Payment.objects.filter(batch=batch, status=PaymentStatus.DRAFT)
    failed = jobs.Job.objects.filter(pk=batch.job_id or 0, state="failed").exists()
    if failed or unreached.exists():
        raise CalculationOutdated(drivers=[])


def _require_funds(batch: PaymentBatch, account: FundingAccount | None) -> None:
    if account is None:
        return
    if account.status != FundingStatus.ACTIVE:
        raise FundingAccountNotActive()
    if account.available_amount is None or account.available_at is None:
        return
    if account.available_amount < batch.payable_amount:
        raise FundingShort(
            available=str(account.available_amount),
            known_at=account.available_at.isoformat(),
            needed=str(batch.payable_amount),
        )
