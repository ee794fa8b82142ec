"""Payment batches: opening, calculating, reviewing, cancelling, closing."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count

from fleets.models import FleetPolicy, FleetProvider
from payments.calculation import claims
from payments.calculation.scope import count_members, run_of
from payments.errors import (
    BatchOverlap,
    CalculationRunning,
    InvalidPeriod,
    PayGroupRetired,
    PeriodNotOver,
    UnsettledPayments,
)
from payments.models import (
    BATCH_MACHINE,
    PAYMENT_MACHINE,
    BatchStatus,
    PayGroup,
    Payment,
    PaymentBatch,
    PaymentStatus,
    RunType,
)
from voltop import clock, jobs
from voltop.context import Actor
from voltop.errors import given_reason
from voltop.numbering import next_number
from voltop.rings import ring
from voltop.states import Moved

CALCULATE = "payments.calculate"
"""The task that goes on with a batch's calculation; named here so that services can ring it."""


@transaction.atomic
def open_batch(
    pay_group: PayGroup,
    *,
    actor: Actor,
    period_starts_on: date,
    period_ends_on: date,
    run_type: str = RunType.REGULAR,
    pay_on: date | None = None,
    at: datetime | None = None,
) -> PaymentBatch:
    """A new batch in state draft for the business dates [period_starts_on, period_ends_on).

    A regular one covers exactly one period of its group; an off-cycle one, any days.
    Raises InvalidPeriod (400), PayGroupRetired, BatchOverlap (409).
    """
    at = at or clock.now()
    actor.require_same_provider(pay_group)
    pay_group = PayGroup.objects.select_for_update(no_key=True).get(pk=pay_group.pk)
    if pay_group.retired_at is not None:
        raise PayGroupRetired()
    period = (period_starts_on, period_ends_on)
    whole = pay_group.calendar.period(period_starts_on)
    if period_ends_on <= period_starts_on or (run_type == RunType.REGULAR and period != whole):
        raise InvalidPeriod(
            field="period_starts_on", period=[whole[0].isoformat(), whole[1].isoformat()]
        )
    _require_free(pay_group, run_type, period_starts_on, period_ends_on)
    provider = FleetProvider.objects.get(pk=pay_group.provider_id)
    batch = PaymentBatch.objects.create(
        provider=provider,
        number=next_number(provider.pk, "payment_batch"),
        pay_group=pay_group,
        run_type=RunType(run_type),
        period_starts_on=period_starts_on,
        period_ends_on=period_ends_on,
        pay_on=pay_on or period_ends_on + timedelta(days=pay_group.pay_after_days),
        currency=provider.currency,
        four_eyes=FleetPolicy.objects.get(provider=provider).four_eyes,
        created_by=str(actor),
        changed_by=str(actor),
    )
    BATCH_MACHINE.open(batch, actor=actor, at=at)
    batch.refresh_from_db()
    return batch


@transaction.atomic
def calculate_batch(
    batch: PaymentBatch, *, actor: Actor, at: datetime | None = None
) -> PaymentBatch:
    """Draft or in review → calculating; workers do the rest (`services.calculation`).

    Whoever asks for a calculation has made the last change and cannot approve it.
    Raises PeriodNotOver, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(batch)
    batch = locked(batch)
    _require_over(batch, at)
    BATCH_MACHINE.move(
        batch,
        BatchStatus.CALCULATING,
        actor=actor,
        at=at,
        calculation=batch.calculation + 1,
        calculated_to=0,
        changed_by=str(actor),
    )
    job = jobs.queue(
        CALCULATE,
        actor=actor,
        params={"batch": batch.pk, "calculation": batch.calculation},
        total=count_members(run_of(batch, at)),
        at=at,
    )
    PaymentBatch.objects.filter(pk=batch.pk).update(job_id=job.pk)
    ring(CALCULATE, batch.pk)
    batch.refresh_from_db()
    return batch


@transaction.atomic
def cancel_batch(
    batch: PaymentBatch, *, actor: Actor, reason: str, at: datetime | None = None
) -> PaymentBatch:
    """Draft or in review → cancelled: all that it claimed is free again for another batch.

    Raises ReasonRequired (400), CalculationRunning, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(batch)
    reason = given_reason(reason)
    batch = locked(batch)
    if batch.status == BatchStatus.CALCULATING:
        raise CalculationRunning()
    BATCH_MACHINE.move(batch, BatchStatus.CANCELLED, actor=actor, at=at, reason=reason)
    live = Payment.objects.filter(batch=batch).exclude(status=PaymentStatus.CANCELLED)
    payments = list(live.values_list("pk", "status"))
    claims.release([pk for pk, _status in payments])
    move_many(payments, PaymentStatus.CANCELLED, batch, actor=actor, at=at, reason=reason)
    batch.refresh_from_db()
    return batch


@transaction.atomic
def hold_payment(
    payment: Payment, *, actor: Actor, reason: str, at: datetime | None = None
) -> Payment:
    """Ready → held while the batch is in review: it is left out of the approval, by name.

    A held payment keeps what it has claimed and stays held when calculated again.
    Raises ReasonRequired (400), IllegalMove (409).
    """
    reason = given_reason(reason)
    return _review_move(payment, PaymentStatus.HELD, actor, reason, at or clock.now())


@transaction.atomic
def release_payment(
    payment: Payment, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Payment:
    """Held → ready, while the batch is in review. Raises IllegalMove (409)."""
    return _review_move(payment, PaymentStatus.READY, actor, reason, at or clock.now())


@transaction.atomic
def drop_payment(
    payment: Payment, *, actor: Actor, reason: str, at: datetime | None = None
) -> Payment:
    """Held → cancelled, also after the batch's approval: what it claimed goes to the next batch.

    Raises ReasonRequired (400), IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(payment)
    reason = given_reason(reason)
    batch = locked(payment.batch)
    PAYMENT_MACHINE.move(
        payment, PaymentStatus.CANCELLED, actor=actor, at=at, reason=reason, only_from={"held"}
    )
    claims.release([payment.pk])
    PaymentBatch.objects.filter(pk=batch.pk, approved_at__isnull=True).update(changed_by=str(actor))
    payment.refresh_from_db()
    return payment


@transaction.atomic
def close_batch(
    batch: PaymentBatch, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> PaymentBatch:
    """Paid → closed: nothing more is expected of it. Raises UnsettledPayments, IllegalMove."""
    at = at or clock.now()
    actor.require_same_provider(batch)
    batch = locked(batch)
    unsettled = Payment.objects.filter(batch=batch, status__in=["failed", "returned", "held"])
    BATCH_MACHINE.move(batch, BatchStatus.CLOSED, actor=actor, at=at, reason=reason)
    counts = dict(unsettled.values_list("status").annotate(n=Count("pk")).order_by())
    if counts:
        raise UnsettledPayments(**counts)
    batch.refresh_from_db()
    return batch


# --- Shared by the services of batches -----------------------------------------------------------
def locked(batch: PaymentBatch) -> PaymentBatch:
    """The batch as it stands, its row locked."""
    rows = PaymentBatch.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("pay_group").get(pk=batch.pk)


def move_many(
    payments: list[tuple[int, str]],
    to: str,
    batch: PaymentBatch,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    **columns: Any,
) -> None:
    """Move payments (id, present status) that the caller has locked or owns, with their events."""
    for _pk, status in payments:
        if not PAYMENT_MACHINE.allows(status, to):
            raise RuntimeError(f"a payment does not move from {status} to {to}")
    by_id = dict(payments)
    moved = Payment.objects.filter(pk__in=by_id, status__in=set(by_id.values())).update(
        status=to, **columns
    )
    if moved != len(by_id):
        raise RuntimeError("payments moved under a lock that should have held them")
    PAYMENT_MACHINE.record(
        Payment,
        [Moved(pk, status, to) for pk, status in payments],
        provider_id=batch.provider_id,
        actor=actor,
        at=at,
        reason=reason,
    )


def _review_move(payment: Payment, to: str, actor: Actor, reason: str, at: datetime) -> Payment:
    actor.require_same_provider(payment)
    batch = locked(payment.batch)
    if batch.status != BatchStatus.IN_REVIEW:
        BATCH_MACHINE.move(batch, BatchStatus.IN_REVIEW, actor=actor, at=at, only_from=set())
    only_from = {"held"} if to == PaymentStatus.READY else None
    PAYMENT_MACHINE.move(payment, to, actor=actor, at=at, reason=reason, only_from=only_from)
    PaymentBatch.objects.filter(pk=batch.pk).update(changed_by=str(actor))
    payment.refresh_from_db()
    return payment


def _require_over(batch: PaymentBatch, at: datetime) -> None:
    """A regular period is calculated once it and its cut-off are over, by the local date."""
    if batch.run_type != RunType.REGULAR:
        return
    zone = clock.zone(FleetProvider.objects.get(pk=batch.provider_id).time_zone)
    first = batch.period_ends_on + timedelta(days=batch.pay_group.cutoff_days)
    if clock.local_date(at, zone) < first:
        raise PeriodNotOver(from_on=first.isoformat())


def _require_free(group: PayGroup, run_type: str, starts_on: date, ends_on: date) -> None:
    """Named error for what the exclusion constraint would refuse; the group's row is locked."""
    others = PaymentBatch.objects.filter(
        pay_group=group,
        run_type=run_type,
        period_starts_on__lt=ends_on,
        period_ends_on__gt=starts_on,
    ).exclude(status=BatchStatus.CANCELLED)
    if other := others.first():
        raise BatchOverlap(batch=other.pk)
