"""The effects of payments' tasks; the bank's book tells what really was paid."""

from datetime import timedelta
from functools import partial

from payments import services
from payments.models import BankMovement, Entry, Payment, PaymentBatch, Payout
from payments.services import checks, handover, payouts, reconciliation
from payments.tests.scene import Scene
from voltop import clock
from voltop.jobs import Job
from voltop.tests.effects import Effect, Stage


def scene(stage: Stage, name: str) -> Scene:
    """A scene with a pay group of its own and one driver in it who gets 480."""
    own = Scene(stage.cast)
    if "plan" not in stage.notes:
        stage.notes["plan"] = own.plan
    own.plan = stage.notes["plan"]
    own.group = own.new_group(name)
    own.payable(stage.cast.new_driver(name.title()))
    stage.notes[name] = own
    return own


def with_bank(stage: Stage, own: Scene) -> Scene:
    assert stage.bank is not None
    if "funding" not in stage.notes:
        stage.notes["funding"] = own.funding_account(stage.bank.url)
    own.funding = stage.notes["funding"]
    return own


def batch_of(stage: Stage, name: str) -> PaymentBatch:
    return PaymentBatch.objects.get(pk=stage.notes[f"{name} batch"])


def to_calculate(stage: Stage, name: str = "calculated") -> list[int]:
    batch = scene(stage, name).calculating()
    stage.notes[f"{name} batch"] = batch.pk
    return [batch.pk]


def calculated(stage: Stage, name: str = "calculated") -> tuple[str, int, str]:
    batch = batch_of(stage, name)
    payments = Payment.objects.filter(batch=batch)
    return batch.status, payments.count(), f"{batch.payable_amount:.2f}"


def to_post(stage: Stage) -> list[int]:
    own = scene(stage, "posted")
    batch = services.approve_batch(own.calculated(), actor=own.owner)
    stage.notes["posted batch"] = batch.pk
    return [batch.pk]


def posted(stage: Stage) -> tuple[bool, int]:
    batch = batch_of(stage, "posted")
    payments = Payment.objects.filter(batch=batch)
    keys = [f"payment:{payment.uuid}" for payment in payments]
    booked = Entry.objects.filter(kind="payment_approved", source_key__startswith="payment:")
    return batch.posted_at is not None, sum(
        any(entry.source_key.startswith(key) for key in keys) for entry in booked
    )


def to_pay(stage: Stage) -> list[int]:
    own = with_bank(stage, scene(stage, "paid"))
    batch = services.pay_batch(own.approved(), actor=own.accountant)
    stage.notes["paid batch"] = batch.pk
    return [batch.pk]


def payouts_of(stage: Stage, name: str) -> list[Payout]:
    return list(Payout.objects.filter(payment__batch=stage.notes[f"{name} batch"]))


def to_ask(stage: Stage) -> list[int]:
    """A payout that the bank has done, but whose answer was lost."""
    own = with_bank(stage, scene(stage, "asked"))
    batch = services.pay_batch(own.approved(), actor=own.accountant)
    stage.notes["asked batch"] = batch.pk
    handover.run(batch.pk)
    [payout] = payouts_of(stage, "asked")
    assert stage.bank is not None
    stage.bank.faults("drop")
    payouts.attempt(payout.pk)
    Payout.objects.filter(pk=payout.pk).update(ask_at=clock.now() - timedelta(seconds=1))
    return []


def asked(stage: Stage) -> tuple[list[str], int]:
    assert stage.bank is not None
    found = payouts_of(stage, "asked")
    keys = {payout.reference for payout in found}
    moved = [m for m in stage.bank.movements() if m["reference"] in keys]
    return [payout.status for payout in found], len(moved)


def to_reconcile(stage: Stage) -> list[int]:
    own = with_bank(stage, scene(stage, "reconciled"))
    batch = services.pay_batch(own.approved(), actor=own.accountant)
    stage.notes["reconciled batch"] = batch.pk
    handover.run(batch.pk)
    for payout in payouts_of(stage, "reconciled"):
        payouts.attempt(payout.pk)
    job = reconciliation.request_reconciliation(own.funding, actor=own.accountant)
    stage.notes["reconciling"] = job.pk
    return [job.pk]


def reconciled(stage: Stage) -> tuple[str, int]:
    keys = {payout.reference for payout in payouts_of(stage, "reconciled")}
    lines = BankMovement.objects.filter(reference__in=keys)
    return Job.objects.get(pk=stage.notes["reconciling"]).state, lines.count()


def a_days_books(stage: Stage) -> list[int]:
    with_bank(stage, scene(stage, "daily"))
    return []


def checked(stage: Stage) -> dict[str, int]:
    """Jobs of today that began by themselves, by kind, for provider A."""
    own = Job.objects.filter(provider_id=stage.cast.a.pk, actor__startswith="system:")
    return {
        kind: own.filter(kind=kind, state="done").count()
        for kind in (checks.CHECK, reconciliation.RECONCILE)
    }


EFFECTS = [
    Effect("payments.calculate", to_calculate, calculated, ("in_review", 1, "480.00")),
    Effect("payments.post", to_post, posted, (True, 1)),
    Effect("payments.pay", to_pay, lambda stage: len(payouts_of(stage, "paid")), 1),
    Effect("payments.reconcile", to_reconcile, reconciled, ("done", 1)),
    Effect(
        "payments.sweep",
        lambda stage: to_calculate(stage, "swept") and [],
        partial(calculated, name="swept"),
        ("in_review", 1, "480.00"),
    ),
    Effect("payments.ask_banks", to_ask, asked, (["confirmed"], 1)),
    Effect(
        "payments.daily",
        a_days_books,
        checked,
        {checks.CHECK: 1, reconciliation.RECONCILE: 1},
    ),
]
