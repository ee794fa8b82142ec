"""Handing approved payments over: payouts with their keys, fixed before anything is sent.

A chunk is one transaction: payout, ledger (driver → payouts under way) and outbox message belong
together, so that a lost worker leaves all three or none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import models, transaction

from drivers.models import PayoutAccount
from fleets.models import FleetProvider
from payments.errors import (
    FundingAccountNotActive,
    NoFundingAccount,
    NoPayoutAccount,
    NotPosted,
)
from payments.models import (
    BATCH_MACHINE,
    PAYMENT_MACHINE,
    PAYOUT_MACHINE,
    AccountKind,
    BatchStatus,
    EntryKind,
    FundingAccount,
    FundingStatus,
    Payment,
    PaymentBatch,
    PaymentStatus,
    Payout,
    PayoutStatus,
)
from payments.services.batches import locked
from payments.services.ledger import Draft, post, transfer
from voltop import clock, failpoints, jobs, outbox
from voltop.context import Actor
from voltop.ids import uuid7
from voltop.rings import ring
from voltop.states import Moved

PAY = "payments.pay"
"""The task that hands a batch over."""

TOPIC = "payments.payout"
"""Outbox messages that send one payout to its bank."""

CHUNK = 200
NO_ACCOUNT = "no account that money may be sent to"
STUCK_AFTER = timedelta(minutes=2)


@transaction.atomic
def pay_batch(
    batch: PaymentBatch,
    *,
    actor: Actor,
    funding_account: FundingAccount | None = None,
    reason: str = "",
    at: datetime | None = None,
) -> PaymentBatch:
    """Approved → paying: workers hand every approved payment over to the bank.

    Pays from the account named, else the one named at approval, else the only active one.
    Raises NotPosted, NoFundingAccount, FundingAccountNotActive, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(*filter(None, (batch, funding_account)))
    batch = locked(batch)
    account = funding_account or batch.funding_account or _only_active(batch)
    if account.status != FundingStatus.ACTIVE:
        raise FundingAccountNotActive()
    if batch.status == BatchStatus.APPROVED and batch.posted_at is None:
        raise NotPosted(retry_after_s=2)
    BATCH_MACHINE.move(
        batch,
        BatchStatus.PAYING,
        actor=actor,
        at=at,
        reason=reason,
        only_from={"approved"},
        funding_account=account,
    )
    approved = Payment.objects.filter(batch=batch, status=PaymentStatus.APPROVED)
    job = jobs.queue(PAY, actor=actor, params={"batch": batch.pk}, total=approved.count(), at=at)
    PaymentBatch.objects.filter(pk=batch.pk).update(job_id=job.pk)
    ring(PAY, batch.pk)
    batch.refresh_from_db()
    return batch


def _only_active(batch: PaymentBatch) -> FundingAccount:
    found = list(
        FundingAccount.objects.for_provider(batch.provider_id).filter(
            status=FundingStatus.ACTIVE, currency=batch.currency
        )[:2]
    )
    if len(found) != 1:
        raise NoFundingAccount(field="funding_account")
    return found[0]


def run(batch_id: int, *, chunk: int = CHUNK) -> None:
    """Hand over what is left of a batch."""
    while step(batch_id, chunk):
        pass


@transaction.atomic
def step(batch_id: int, chunk: int = CHUNK) -> bool:
    """One chunk; false once nothing is left, or while another worker has the batch."""
    rows = PaymentBatch.objects.select_for_update(no_key=True, skip_locked=True)
    batch = rows.filter(pk=batch_id, status=BatchStatus.PAYING).first()
    if batch is None:
        return False
    at = clock.now()
    actor = Actor.system("payments.pay", batch.provider_id)
    job = jobs.Job.objects.filter(pk=batch.job_id or 0, state__in=["queued", "running"]).first()
    if job is not None:
        jobs.start(job.pk, actor=actor, at=at)
    payments = list(_without_payout(batch).select_for_update(no_key=True)[:chunk])
    if not payments:
        if job is not None:
            jobs.finish(job.pk, actor=actor, result={"batch": batch.pk}, at=at)
        return False
    _hand_over(batch, payments, actor, at)
    if job is not None:
        jobs.advance(job.pk, len(payments))
    failpoints.hit("pay.before_commit")
    return True


def waiting() -> list[int]:
    """Batches whose hand-over is not done: for the sweep."""
    rows = PaymentBatch.objects.unscoped().filter(status=BatchStatus.PAYING)
    return [batch.pk for batch in rows.order_by("pk") if _without_payout(batch).exists()]


def _without_payout(batch: PaymentBatch) -> models.QuerySet[Payment]:
    live = Payout.objects.filter(payment=models.OuterRef("pk")).exclude(
        status__in=["failed", "returned"]
    )
    return (
        Payment.objects.filter(batch=batch, status=PaymentStatus.APPROVED, payable_amount__gt=0)
        .filter(~models.Exists(live))
        .order_by("pk")
    )


def _hand_over(
    batch: PaymentBatch, payments: Sequence[Payment], actor: Actor, at: datetime
) -> list[Payout]:
    """Create the payouts of these payments; those without a payable account are held."""
    account = batch.funding_account
    if account is None:
        raise RuntimeError("a batch that is being paid has an account to pay from")
    targets = _targets([p.driver_id for p in payments], at)
    payouts = [
        Payout(
            provider_id=batch.provider_id,
            payment=payment,
            funding_account=account,
            payout_account=targets.get(payment.driver_id),
            key=uuid7(),
            reference=payment.uuid.hex,
            amount=payment.payable_amount,
            currency=payment.currency,
            status=PayoutStatus.CREATED if payment.driver_id in targets else PayoutStatus.HELD,
            ask_at=at + STUCK_AFTER,
        )
        for payment in payments
    ]
    Payout.objects.bulk_create(payouts)
    _write_events(payouts, batch, actor, at)
    failpoints.hit("pay.created")
    _send([p for p in payouts if p.status == PayoutStatus.CREATED], batch, actor, at)
    return payouts


def _send(payouts: Sequence[Payout], batch: PaymentBatch, actor: Actor, at: datetime) -> None:
    """Book payouts as under way and put their messages into the outbox."""
    zone = FleetProvider.objects.values_list("time_zone", flat=True).get(pk=batch.provider_id)
    booked_on = clock.local_date(at, clock.zone(zone))
    drafts = [
        Draft(
            f"payout:{payout.key}:sent",
            EntryKind.PAYOUT_SENT,
            booked_on,
            tuple(
                transfer(
                    (AccountKind.DRIVER, payout.payment.driver_id),
                    (AccountKind.PAYOUT_CLEARING, None),
                    payout.amount,
                    "payout",
                )
            ),
        )
        for payout in payouts
    ]
    post(drafts, provider_id=batch.provider_id, currency=batch.currency, actor=actor, at=at)
    failpoints.hit("pay.booked")
    for payout in payouts:
        outbox.emit(
            topic=TOPIC,
            provider_id=batch.provider_id,
            object_key=f"payments.payout:{payout.pk}",
            payload={"payout": payout.pk},
        )
    failpoints.hit("pay.emitted")


def _targets(drivers: Sequence[int], at: datetime) -> dict[int, PayoutAccount]:
    """Each driver's account that money may be sent to now."""
    accounts = PayoutAccount.objects.unscoped().payable(at).filter(driver_id__in=drivers)
    return {account.driver_id: account for account in accounts}


def _write_events(
    payouts: Sequence[Payout], batch: PaymentBatch, actor: Actor, at: datetime
) -> None:
    """From nothing to created, and on to held where there is no account to send to."""
    created, held = PayoutStatus.CREATED.value, PayoutStatus.HELD.value
    without = [payout.pk for payout in payouts if payout.status == PayoutStatus.HELD]
    for moves, reason in (
        ([Moved(payout.pk, "", created) for payout in payouts], ""),
        ([Moved(pk, created, held) for pk in without], NO_ACCOUNT),
    ):
        PAYOUT_MACHINE.record(
            Payout, moves, provider_id=batch.provider_id, actor=actor, at=at, reason=reason
        )


@transaction.atomic
def release_payout(
    payout: Payout, *, actor: Actor, reason: str = "", at: datetime | None = None
) -> Payout:
    """Send a held payout, now that the driver has an account; releasing twice changes nothing.

    Raises NoPayoutAccount, IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(payout)
    batch = locked(payout.payment.batch)
    payout = Payout.objects.select_for_update(no_key=True).get(pk=payout.pk)
    if payout.status != PayoutStatus.HELD:
        PAYOUT_MACHINE.move(payout, PayoutStatus.SUBMITTED, actor=actor, at=at, only_from={"held"})
    if payout.payout_account_id is not None:
        return payout
    driver_id = payout.payment.driver_id
    target = _targets([driver_id], at).get(driver_id)
    if target is None:
        current = PayoutAccount.objects.unscoped().current().filter(driver_id=driver_id).first()
        hold = current.hold_until.isoformat() if current and current.hold_until else None
        raise NoPayoutAccount(hold_until=hold)
    payout.payout_account = target
    Payout.objects.filter(pk=payout.pk).update(payout_account=target, ask_at=at + STUCK_AFTER)
    _send([payout], batch, actor, at)
    if batch.status == BatchStatus.PARTLY_PAID:
        BATCH_MACHINE.move(batch, BatchStatus.PAYING, actor=actor, at=at, reason=reason)
    payout.refresh_from_db()
    return payout


@transaction.atomic
def reissue_payment(
    payment: Payment, *, actor: Actor, reason: str, at: datetime | None = None
) -> Payout:
    """A new payout, under a new key, for a payment whose last one the bank refused or returned.

    Nothing else is ever sent anew. Raises IllegalMove (409).
    """
    at = at or clock.now()
    actor.require_same_provider(payment)
    batch = locked(payment.batch)
    PAYMENT_MACHINE.move(
        payment,
        PaymentStatus.APPROVED,
        actor=actor,
        at=at,
        reason=reason,
        only_from={"failed", "returned"},
    )
    [payout] = _hand_over(batch, [payment], actor, at)
    if batch.status == BatchStatus.PARTLY_PAID:
        BATCH_MACHINE.move(batch, BatchStatus.PAYING, actor=actor, at=at, reason=reason)
    payout.refresh_from_db()
    return payout
