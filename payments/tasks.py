"""Celery tasks of payments: each takes an id and calls one service. Safe to run twice, at once."""

from celery import shared_task

from payments import services
from payments.services import calculation, checks, handover, payouts, posting, reconciliation
from voltop import jobs
from voltop.rings import ring_now

SWEEP_S = 15
"""The sweep's interval: a ring that has not been answered by then is rung again."""


@shared_task(name=services.batches.CALCULATE)
def calculate(batch_id: int) -> None:
    """Go on with a batch's calculation."""
    if calculation.run(batch_id):
        ring_now(services.batches.CALCULATE, batch_id)


@shared_task(name=services.approval.POST)
def post(batch_id: int) -> None:
    """Book an approved batch."""
    posting.run(batch_id)


@shared_task(name=handover.PAY)
def pay(batch_id: int) -> None:
    """Hand a batch's payments over to the bank."""
    handover.run(batch_id)
    payouts.settle_batch(batch_id)


@shared_task(name=reconciliation.RECONCILE)
def reconcile(job_id: int) -> None:
    """Read the bank's book."""
    reconciliation.run_job(job_id)


@shared_task(name="payments.sweep")
def sweep() -> None:
    """Ring for whatever lost its ring or its worker; one batch never stands in another's way."""
    for batch_id in calculation.waiting():
        ring_now(services.batches.CALCULATE, batch_id, expires_s=SWEEP_S)
    for batch_id in posting.waiting():
        ring_now(services.approval.POST, batch_id, expires_s=SWEEP_S)
    for batch_id in {*handover.waiting(), *payouts.paying()}:
        ring_now(handover.PAY, batch_id, expires_s=SWEEP_S)
    for job_id in reconciliation.waiting():
        ring_now(reconciliation.RECONCILE, job_id, expires_s=SWEEP_S)


@shared_task(name="payments.ask_banks")
def ask_banks() -> None:
    """Find out what became of payouts whose outcome is not known."""
    while payouts.ask_banks():
        pass


@shared_task(name="payments.daily")
def daily() -> None:
    """Reconcile with the banks and recompute the books, once a day."""
    with jobs.apart("payments.daily") as pieces:
        with pieces.of(None):
            reconciliation.daily()
        with pieces.of(None):
            checks.nightly()
