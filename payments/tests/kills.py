"""Workers that are killed: real processes with connections of their own, and time that passes."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connections
from django.db.models import F

from payments.models import BankMovement, Payment, PaymentBatch, Payout
from payments.services import calculation, checks, handover, payouts, posting
from payments.tests.bank import RunningBank
from voltop import outbox
from voltop.failpoints import VARIABLE
from voltop.outbox import OutboxMessage

forking = multiprocessing.get_context("fork")

FAIL_POINTS = (
    "calculate.taken",
    "calculate.claimed",
    "calculate.written",
    "calculate.before_commit",
    "calculate.finished",
    "post.taken",
    "post.settled",
    "post.booked",
    "post.before_commit",
    "pay.created",
    "pay.booked",
    "pay.emitted",
    "pay.before_commit",
    "payout.submitted",
    "payout.answered",
    "payout.before_commit",
    "payout.recorded",
    "payout.asked",
)
"""Every named point of a payment's way, in its order."""


def in_child(target: Callable[[], None], fail_at: str = "") -> multiprocessing.Process:
    """Run in a forked process with a database connection of its own."""

    def run() -> None:
        for inherited in connections.all(initialized_only=True):
            inherited.connection = None  # the parent's socket is the parent's
        if fail_at:
            os.environ[VARIABLE] = fail_at
        target()
        os._exit(0)

    child = forking.Process(target=run)
    child.start()
    return child


def work() -> None:
    """What workers and sweeps do, once round: go on with whatever is waiting."""
    for batch_id in calculation.waiting():
        calculation.run(batch_id, chunk=3)
    for batch_id in posting.waiting():
        posting.run(batch_id, chunk=3)
    for batch_id in handover.waiting():
        handover.run(batch_id, chunk=3)
    outbox.relay()
    payouts.ask_banks()
    for batch_id in payouts.paying():
        payouts.settle_batch(batch_id)


def let_time_pass(seconds: float = 3600) -> None:
    """As if the clock had gone on for every pause, lease and question that is pending."""
    passed = timedelta(seconds=seconds)
    pending = OutboxMessage.objects.filter(sent_at=None, dead_at=None)
    pending.update(next_at=F("next_at") - passed, lease_until=F("lease_until") - passed, crashes=0)
    Payout.objects.filter(ask_at__isnull=False).update(ask_at=F("ask_at") - passed)


def killed_once(fail_at: str) -> bool:
    """Work until the point kills the worker; whether it was come by at all."""
    child = in_child(work, fail_at)
    child.join()
    return child.exitcode == -signal.SIGKILL


@dataclass
class Verdict:
    """The bank's book against ours, row by row."""

    double: int
    missing: int
    wrong_amount: int
    unpaid: int
    findings: int

    @property
    def is_good(self) -> bool:
        return not any((self.double, self.missing, self.wrong_amount, self.unpaid, self.findings))


def judge(batch: PaymentBatch, bank: RunningBank) -> Verdict:
    """Every payment is settled exactly once, or refused; and every sum is right."""
    settled: dict[str, list[dict]] = {}
    refused: set[str] = set()
    for movement in bank.movements():
        if movement["kind"] == "settled":
            settled.setdefault(movement["reference"], []).append(movement)
        else:
            refused.add(movement["reference"])
    double = missing = wrong = unpaid = 0
    for payment in Payment.objects.filter(batch=batch, payable_amount__gt=0):
        found = settled.pop(payment.uuid.hex, [])
        double += len(found) > 1
        missing += payment.status == "paid" and not found
        wrong += any(payment.payable_amount != as_amount(m) for m in found)
        settled_as_failed = payment.status != "paid" and bool(found)
        refused_for_good = payment.status == "failed" and payment.uuid.hex in refused
        unpaid += settled_as_failed or not (payment.status == "paid" or refused_for_good)
    return Verdict(
        double=double,
        missing=missing,
        wrong_amount=wrong,
        unpaid=unpaid,
        findings=len(checks.find_differences(batch.provider_id)),
    )


def as_amount(movement: dict) -> object:
    return BankMovement._meta.get_field("amount").to_python(movement["amount"])
