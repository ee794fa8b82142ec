"""A payout on its way: sent, asked for, settled. The same key, whatever happens on the wire.

    created, held ─▶ submitted ─▶ confirmed | failed        the bank answered
                         └──────▶ unknown ─▶ confirmed | failed

`submitted` is committed before the bank is called. So whoever finds a payout submitted or unknown
asks the bank first, and sends the instruction again, under its key, only if the bank has never
heard of it. Called by the outbox, by the sweep and by reconciliation; any of them may run twice.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from drivers.services import account_details
from fleets.models import FleetProvider
from fleets.services.notices import notify
from payments.gateways import Answer, Gateway, Instruction, Outcome, gateway_of
from payments.models import (
    BATCH_MACHINE,
    PAYMENT_MACHINE,
    PAYOUT_MACHINE,
    AccountKind,
    BatchStatus,
    EntryKind,
    Payment,
    PaymentBatch,
    PaymentStatus,
    Payout,
    PayoutStatus,
)
from payments.services.ledger import Draft, post, transfer
from voltop import clock, failpoints, jobs
from voltop.context import Actor
from voltop.money import round_money

RETRY_AFTER = timedelta(minutes=1)
FIRST_ASK_S = 2
LONGEST_PAUSE_S = 600


def attempt(payout_id: int) -> None:
    """Bring one payout a step on: send it, or find out what became of it."""
    begun = _begin(payout_id)
    if begun is None:
        return
    payout, is_first = begun
    failpoints.hit("payout.submitted")
    gateway = gateway_of(payout.funding_account)
    instruction = _instruction(payout)
    outcome = gateway.submit(instruction) if is_first else _ask(gateway, instruction)
    failpoints.hit("payout.answered")
    record(payout.pk, outcome)
    failpoints.hit("payout.recorded")
    settle_batch(payout.payment.batch_id)


@transaction.atomic
def _begin(payout_id: int) -> tuple[Payout, bool] | None:
    """The payout if there is something to do, and whether this is the first time it is sent."""
    rows = Payout.objects.unscoped().select_for_update(no_key=True, of=("self",))
    payout = (
        rows.select_related("payment", "funding_account", "payout_account")
        .filter(pk=payout_id)
        .first()
    )
    if payout is None or payout.payout_account is None:
        return None  # held: somebody must release it first
    if payout.status in (PayoutStatus.SUBMITTED, PayoutStatus.UNKNOWN):
        return payout, False
    if payout.status not in (PayoutStatus.CREATED, PayoutStatus.HELD):
        return None
    at = clock.now()
    PAYOUT_MACHINE.move(
        payout,
        PayoutStatus.SUBMITTED,
        actor=_actor(payout),
        at=at,
        ask_at=at + RETRY_AFTER,
    )
    return payout, True


def _ask(gateway: Gateway, instruction: Instruction) -> Outcome:
    """Ask for the key; send the same instruction again only if the bank never saw it."""
    outcome = gateway.ask(instruction)
    failpoints.hit("payout.asked")
    if outcome.answer == Answer.UNHEARD:
        return gateway.submit(instruction)
    return outcome


def _instruction(payout: Payout) -> Instruction:
    account = payout.payout_account
    if account is None:
        raise RuntimeError("a payout that is sent has an account")
    return Instruction(
        key=str(payout.key),
        reference=payout.reference,
        amount=round_money(payout.amount, payout.currency),
        currency=payout.currency,
        holder=account.holder_name,
        kind=account.kind,
        details=account_details(account, actor=_actor(payout)),
    )


@transaction.atomic
def record(payout_id: int, outcome: Outcome) -> str:
    """Store what the bank said; the payout's state afterwards. Saying it twice changes nothing."""
    rows = Payout.objects.unscoped().select_for_update(no_key=True, of=("self",))
    payout = rows.select_related("payment").get(pk=payout_id)
    at = clock.now()
    if payout.status not in (PayoutStatus.SUBMITTED, PayoutStatus.UNKNOWN):
        if outcome.answer == Answer.RETURNED and payout.status == PayoutStatus.CONFIRMED:
            _take_back(payout, outcome, at)
        return payout.status
    if outcome.answer in (Answer.UNKNOWN, Answer.UNHEARD):
        _stay_unknown(payout, outcome, at)
    elif outcome.answer == Answer.REFUSED:
        _fail(payout, outcome, at)
    else:
        _confirm(payout, outcome, at)
        if outcome.answer == Answer.RETURNED:
            _take_back(payout, outcome, at)
    failpoints.hit("payout.before_commit")
    return payout.status


def _stay_unknown(payout: Payout, outcome: Outcome, at: datetime) -> None:
    """Nothing is known: ask again, at growing intervals."""
    pause = min(LONGEST_PAUSE_S, FIRST_ASK_S * 2 ** min(payout.asked, 16))
    columns: dict[str, Any] = {
        "asked": payout.asked + 1,
        "ask_at": at + timedelta(seconds=pause),
        "last_problem": outcome.reason,
    }
    if payout.status == PayoutStatus.SUBMITTED:
        PAYOUT_MACHINE.move(
            payout,
            PayoutStatus.UNKNOWN,
            actor=_actor(payout),
            at=at,
            reason=outcome.reason,
            **columns,
        )
    else:
        Payout.objects.filter(pk=payout.pk).update(**columns)


def _confirm(payout: Payout, outcome: Outcome, at: datetime) -> None:
    _end(payout, PayoutStatus.CONFIRMED, PaymentStatus.PAID, outcome, at)
    _book(payout, EntryKind.PAYOUT_CONFIRMED, AccountKind.PAYOUT_CLEARING, AccountKind.BANK, at)


def _fail(payout: Payout, outcome: Outcome, at: datetime) -> None:
    _end(payout, PayoutStatus.FAILED, PaymentStatus.FAILED, outcome, at)
    _book(payout, EntryKind.PAYOUT_FAILED, AccountKind.PAYOUT_CLEARING, AccountKind.DRIVER, at)


def _take_back(payout: Payout, outcome: Outcome, at: datetime) -> None:
    _end(payout, PayoutStatus.RETURNED, PaymentStatus.RETURNED, outcome, at)
    _book(payout, EntryKind.PAYOUT_RETURNED, AccountKind.BANK, AccountKind.DRIVER, at)


def _end(payout: Payout, to: str, payment_to: str, outcome: Outcome, at: datetime) -> None:
    """Move the payout and its payment together."""
    actor, reason = _actor(payout), outcome.reason
    PAYOUT_MACHINE.move(
        payout,
        to,
        actor=actor,
        at=at,
        reason=reason,
        ask_at=None,
        bank_ref=outcome.bank_ref or payout.bank_ref,
        bank_reason=reason,
        last_problem="",
    )
    PAYMENT_MACHINE.move(payout.payment, payment_to, actor=actor, at=at, reason=reason)
    paid = payment_to == PaymentStatus.PAID
    params = {
        "amount": format(payout.amount, "f"),
        "currency": payout.currency,
        "reference": payout.reference,
    }
    driver, kind = payout.payment.driver, "payments.paid" if paid else "payments.not_paid"
    notify(driver.user, kind, params, about=payout, at=at)


def _book(payout: Payout, kind: str, debit: str, credit: str, at: datetime) -> None:
    zone = FleetProvider.objects.values_list("time_zone", flat=True).get(pk=payout.provider_id)
    owner = payout.payment.driver_id

    def account(name: str) -> tuple[str, int | None]:
        return name, owner if name == AccountKind.DRIVER else None

    legs = transfer(account(debit), account(credit), payout.amount, "payout")
    event = kind.removeprefix("payout_")
    draft = Draft(
        f"payout:{payout.key}:{event}",
        kind,
        clock.local_date(at, clock.zone(zone)),
        tuple(legs),
    )
    post(
        [draft],
        provider_id=payout.provider_id,
        currency=payout.currency,
        actor=_actor(payout),
        at=at,
    )


def _actor(payout: Payout) -> Actor:
    return Actor.system("payments.bank", payout.provider_id)


# --- The sweep -----------------------------------------------------------------------------------
ASK = "payments.ask_banks"
DUE = """
UPDATE payments_payout SET ask_at = %(at)s::timestamptz + interval '1 minute'
WHERE id IN (
    SELECT id FROM payments_payout
    WHERE status IN ('created', 'submitted', 'unknown') AND ask_at <= %(at)s
    ORDER BY ask_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, provider_id
"""


def ask_banks(*, limit: int = 50, at: datetime | None = None) -> int:
    """Go on with payouts whose outcome should be known by now; how many were tried."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DUE, {"at": at or clock.now(), "limit": limit})
        due = cursor.fetchall()
    with jobs.apart(ASK, at=at) as pieces:
        for payout_id, provider_id in due:
            with pieces.of(provider_id):
                attempt(payout_id)
    return len(due)


@transaction.atomic
def settle_batch(batch_id: int) -> str:
    """Paying → paid or partly paid, once no payout is under way; the batch's state afterwards."""
    batch = PaymentBatch.objects.unscoped().get(pk=batch_id)
    if batch.status not in (BatchStatus.PAYING, BatchStatus.PARTLY_PAID):
        return batch.status
    under_way = Payout.objects.filter(
        payment__batch=batch, status__in=["created", "submitted", "unknown"]
    )
    if under_way.exists() or _not_handed_over(batch):
        return batch.status
    rows = PaymentBatch.objects.unscoped().select_for_update(no_key=True)
    batch = rows.get(pk=batch_id)
    open_ones = Payment.objects.filter(
        batch=batch,
        status__in=["approved", "failed", "returned", "held"],
    )
    to = BatchStatus.PARTLY_PAID if open_ones.exists() else BatchStatus.PAID
    if BATCH_MACHINE.allows(batch.status, to):
        actor = Actor.system("payments.bank", batch.provider_id)
        BATCH_MACHINE.move(batch, to, actor=actor, at=clock.now())
    return batch.status


def paying() -> list[int]:
    """Batches that wait for the end of their payouts: for the sweep."""
    rows = PaymentBatch.objects.unscoped().filter(status=BatchStatus.PAYING)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _not_handed_over(batch: PaymentBatch) -> bool:
    """Whether some approved payment has no payout that is alive (a held one is)."""
    alive = Payout.objects.filter(payment__batch=batch).exclude(status__in=["failed", "returned"])
    approved = Payment.objects.filter(batch=batch, status=PaymentStatus.APPROVED)
    return approved.exclude(pk__in=alive.values("payment_id")).exists()
