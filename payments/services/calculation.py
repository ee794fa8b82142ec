"""Calculating a batch, chunk by chunk, in workers.

A chunk is one transaction under the batch's lock: claims, sums, payslips, rows and the place where
to go on. So a worker may be lost at any point and costs at most one chunk, and two workers on one
batch take turns or leave it to each other. Nothing here decides; `services.batches` does.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Count, Q, Sum

from payments.calculation import claims, facts, payslip, scope, writing
from payments.calculation.payslip import Payslip, Work
from payments.calculation.scope import Run
from payments.models import BATCH_MACHINE, BatchStatus, Payment, PaymentBatch, PaymentStatus
from voltop import clock, failpoints, jobs
from voltop.context import Actor

logger = logging.getLogger(__name__)

CHUNK = 2000
BUDGET = timedelta(seconds=150)
STATEMENT_TIMEOUT_MS = 120_000
ATTEMPTS = 3


def run(batch_id: int, *, chunk: int = CHUNK, budget: timedelta = BUDGET) -> bool:
    """Go on with a batch's calculation until it is done; whether there is more to do.

    True when the time is used up. A batch that another worker has at this moment is left to it.
    """
    stop_at = clock.now() + budget
    plans: facts.Plans = {}
    failures = 0
    while True:
        try:
            more = step(batch_id, plans, chunk)
            failures = 0
        except (OperationalError, IntegrityError) as error:
            # Another batch or a person was faster with something: the chunk is done again.
            failures += 1
            logger.warning("calculation of batch %s: %s", batch_id, error)
            if failures >= ATTEMPTS:
                give_up(batch_id, error)
                raise
            continue
        except Exception as error:
            give_up(batch_id, error)
            raise
        if not more:
            return False
        if clock.now() >= stop_at:
            return True


@transaction.atomic
def step(batch_id: int, plans: facts.Plans, chunk: int = CHUNK) -> bool:
    """One chunk; false once the batch needs no more of them."""
    _allow_long_statements()
    batch = _take(batch_id)
    if batch is None:
        return False
    at = clock.now()
    actor = Actor.system("payments.calculate", batch.provider_id)
    if batch.job_id is not None:
        jobs.start(batch.job_id, actor=actor, at=at)
    run = scope.run_of(batch, at)
    drivers = scope.members(run, batch.calculated_to, chunk)
    failpoints.hit("calculate.taken")
    if not drivers:
        _finish(run, actor, plans)
        return False
    _calculate(run, drivers, plans, actor)
    PaymentBatch.objects.filter(pk=batch.pk).update(calculated_to=drivers[-1])
    if batch.job_id is not None:
        jobs.advance(batch.job_id, len(drivers))
    failpoints.hit("calculate.before_commit")
    return True


def _take(batch_id: int) -> PaymentBatch | None:
    """The batch under its lock, if it is to be calculated and nobody else is at it."""
    rows = PaymentBatch.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return (
        rows.select_related("pay_group").filter(pk=batch_id, status=BatchStatus.CALCULATING).first()
    )


def _calculate(run: Run, drivers: Sequence[int], plans: facts.Plans, actor: Actor) -> None:
    """Claim, sum up, apply the rules and write, for some drivers of the batch.

    Drivers whose payment was dropped from this batch are left to the next one.
    """
    slots = [s for s in writing.slots_for(run, drivers) if s.status != PaymentStatus.CANCELLED]
    drivers = [slot.driver_id for slot in slots]
    claims.release([slot.id for slot in slots if slot.status])
    claims.claim(run, [slot.id for slot in slots], drivers)
    failpoints.hit("calculate.claimed")
    works = facts.gather(run, [slot.id for slot in slots], drivers, plans)
    _add_prior(run, works)
    payslips = {driver: _payslip(work, run) for driver, work in works.items()}
    kept = [slot for slot in slots if slot.status or not _is_empty(payslips[slot.driver_id])]
    for slot in kept:
        if _is_empty(payslips[slot.driver_id]):
            payslips[slot.driver_id] = payslip.failed([{"code": "nothing_to_pay"}])
    excepted = [slot.id for slot in slots if payslips[slot.driver_id].exceptions]
    claims.release(excepted)
    basis = {driver: work.basis for driver, work in works.items()}
    writing.write(run, kept, payslips, str(actor), basis=basis)
    failpoints.hit("calculate.written")


def _add_prior(run: Run, works: dict[int, Work]) -> None:
    """For work that reaches into windows of earlier payments: what those have paid of them."""
    earliest = {}
    for driver, work in works.items():
        if not work.problems and work.terms and all(p.terms_id for p in work.fresh):
            since = payslip.touched_before(work, run.rules)
            if since is not None:
                earliest[driver] = since
    if earliest:
        facts.gather_prior(run, {d: works[d] for d in earliest}, min(earliest.values()))


def _payslip(work: Work, run: Run) -> Payslip:
    """One driver's payslip; a defect of ours blocks this driver only."""
    try:
        return payslip.make(work, run.rules)
    except Exception:
        logger.exception("payslip of driver %s in batch %s", work.driver_id, run.batch.pk)
        return payslip.failed([{"code": "internal_error"}])


def _is_empty(slip: Payslip) -> bool:
    return not slip.lines and not slip.exceptions


def _finish(run: Run, actor: Actor, plans: facts.Plans) -> None:
    """After the last chunk: who has no terms, who is no longer in the group, totals, review."""
    batch = run.batch
    unknown = scope.strangers(run)
    if unknown:
        _calculate(run, unknown, plans, actor)
    left = Payment.objects.filter(batch=batch, calculation__lt=batch.calculation).exclude(
        status=PaymentStatus.CANCELLED
    )
    gone = sorted(left.values_list("driver_id", flat=True))
    if gone:
        slots = writing.slots_for(run, gone)
        claims.release([slot.id for slot in slots])
        slips = {d: payslip.failed([{"code": "not_in_group"}]) for d in gone}
        writing.write(run, slots, slips, str(actor), basis={})
    _flag_outliers(batch)
    totals = refresh_totals(batch)
    BATCH_MACHINE.move(batch, BatchStatus.IN_REVIEW, actor=actor, at=run.at)
    if batch.job_id is not None:
        jobs.finish(batch.job_id, actor=actor, result={"batch": batch.pk, **totals}, at=run.at)
    failpoints.hit("calculate.finished")


def refresh_totals(batch: PaymentBatch) -> dict[str, int]:
    """Write the batch's totals anew from its payments."""
    payments = Payment.objects.filter(batch=batch).exclude(status=PaymentStatus.CANCELLED)
    found = payments.aggregate(
        drivers=Count("pk"),
        exceptions=Count("pk", filter=Q(status=PaymentStatus.EXCEPTION)),
        payable=Sum("payable_amount", default=0),
        carried=Sum("carried_amount", default=0),
    )
    PaymentBatch.objects.filter(pk=batch.pk).update(
        drivers=found["drivers"],
        exceptions=found["exceptions"],
        payable_amount=found["payable"],
        carried_amount=found["carried"],
    )
    return {"drivers": found["drivers"], "exceptions": found["exceptions"]}


OUTLIERS = """
UPDATE payments_payment now SET flags = '[{"code": "outlier"}]'::jsonb
FROM (
    SELECT p.id, p.payable_amount, avg(e.payable_amount) AS usual, count(e.id) AS n
    FROM payments_payment p CROSS JOIN LATERAL (
        SELECT id, payable_amount FROM payments_payment e
        WHERE e.driver_id = p.driver_id AND e.run_type = p.run_type AND e.approved_at IS NOT NULL
            AND e.period_ends_on <= p.period_starts_on
        ORDER BY e.period_starts_on DESC LIMIT 8
    ) e
    WHERE p.batch_id = %s AND p.status = 'ready' GROUP BY p.id
) seen
WHERE now.id = seen.id AND seen.n >= 3
    AND (seen.payable_amount > 2 * seen.usual OR 2 * seen.payable_amount < seen.usual)
"""


def _flag_outliers(batch: PaymentBatch) -> None:
    """Mark payments above twice or below half of what the driver's last 8 periods came to."""
    with connection.cursor() as cursor:
        cursor.execute(OUTLIERS, [batch.pk])


@transaction.atomic
def give_up(batch_id: int, error: Exception) -> None:
    """A calculation that cannot go on ends in review, its job failed; approving is refused."""
    batch = _take(batch_id)
    if batch is None:
        return
    at = clock.now()
    actor = Actor.system("payments.calculate", batch.provider_id)
    if batch.job_id is not None:
        jobs.start(batch.job_id, actor=actor, at=at)
        jobs.fail(batch.job_id, actor=actor, error=error, at=at)
    BATCH_MACHINE.move(
        batch, BatchStatus.IN_REVIEW, actor=actor, at=at, reason="calculation failed"
    )


def waiting() -> list[int]:
    """Batches whose calculation should be going on: for the sweep."""
    rows = PaymentBatch.objects.unscoped().filter(status=BatchStatus.CALCULATING)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _allow_long_statements() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
