"""A worker killed at any point of a payment's way: everybody is paid exactly once.

A few points in every run; all of them, and hundreds of drivers under random kills, in the long one
(thousands by `make chaos-pay`), which writes `build/chaos-pay.json`.
"""

import json
import os
import random
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest

from payments import services
from payments.models import Payment, PaymentBatch, PaymentClaim, Payout, Posting
from payments.services import calculation, payouts, posting
from payments.tests.bank import CHECKOUT, RunningBank, running_bank
from payments.tests.crowds import many_drivers
from payments.tests.kills import FAIL_POINTS, in_child, judge, killed_once, let_time_pass, work
from payments.tests.scene import Scene

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

QUICK = (
    "calculate.claimed",
    "post.booked",
    "pay.emitted",
    "payout.submitted",
    "payout.answered",
    "payout.before_commit",
)
DRIVERS = int(os.environ.get("VOLTOP_CHAOS_DRIVERS", "600"))
RANDOM_KILLS = int(os.environ.get("VOLTOP_CHAOS_KILLS", "50"))


@pytest.fixture
def own_bank(tmp_path, settings):
    with running_bank(tmp_path / "book.sqlite") as running:
        settings.OUTBOUND_ALLOWED = [running.url.removeprefix("http://")]
        settings.BANK_TIMEOUT_S = 1
        yield running


def go_on(scene: Scene, batch: PaymentBatch) -> PaymentBatch:
    """Approve or pay once the batch has got there, as people would."""
    batch.refresh_from_db()
    if batch.status == "in_review":
        services.approve_batch(batch, actor=scene.owner)
    elif batch.status == "approved" and batch.posted_at is not None:
        services.pay_batch(batch, actor=scene.accountant)
    batch.refresh_from_db()
    return batch


def killed_at(point: str, cast, bank: RunningBank) -> None:
    """A batch of five drivers, the worker killed at the point once; then it is finished."""
    scene = Scene(cast)
    scene.funding = scene.funding_account(bank.url)
    for number in range(5):
        scene.payable(cast.new_driver(f"Kill{number}"))
    if point == "payout.asked":
        bank.faults("drop")
    batch = scene.calculating()
    killed = 0
    for _round in range(12):
        if not killed:
            killed += killed_once(point)
        else:
            work()
        let_time_pass()
        if go_on(scene, batch).status == "paid":
            break
    assert killed == 1, f"nobody came by {point}"
    assert batch.status == "paid"
    assert judge(batch, bank).is_good
    assert bank.counters()["doubles"] == 0
    assert PaymentClaim.objects.count() == 5
    assert Payment.objects.filter(status="paid", payable_amount=480).count() == 5
    assert sum(Posting.objects.values_list("amount", flat=True)) == 0
    assert Payout.objects.count() == 5


@pytest.mark.parametrize("point", QUICK)
def test_a_worker_killed_once_costs_nothing(point, cast, own_bank):
    killed_at(point, cast, own_bank)


@pytest.mark.parametrize("point", sorted(set(FAIL_POINTS) - set(QUICK)))
def test_a_worker_killed_anywhere_costs_nothing(point, cast, own_bank):
    killed_at(point, cast, own_bank)


def test_every_fail_point_of_payments_is_tried():
    """The list is what the code says."""
    import re

    found: set[str] = set()
    for path in (CHECKOUT / "payments").rglob("*.py"):
        if "tests" not in path.parts:
            found |= set(re.findall(r'failpoints\.hit\("([a-z_.]+)"\)', path.read_text()))
    assert found == set(FAIL_POINTS)


def test_two_workers_on_one_batch_do_not_meet(cast):
    scene = Scene(cast)
    for number in range(6):
        driver = cast.new_driver(f"Two{number}")
        scene.terms(driver)
        scene.shift(driver)
    batch = scene.calculating()

    def calculate() -> None:
        while calculation.waiting():
            calculation.run(batch.pk, chunk=1)

    children = [in_child(calculate) for _ in range(3)]
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    batch.refresh_from_db()
    assert (batch.status, batch.drivers, batch.payable_amount) == ("in_review", 6, Decimal(2880))
    services.approve_batch(batch, actor=scene.owner)

    def post() -> None:
        while posting.waiting():
            posting.run(batch.pk, chunk=1)

    children = [in_child(post) for _ in range(3)]
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert Payment.objects.filter(status="approved").count() == 6
    assert sum(Posting.objects.values_list("amount", flat=True)) == 0


# --- Many drivers, random kills ------------------------------------------------------------------
def keep_working() -> None:
    """A worker that never stops by itself."""
    while True:
        for batch_id in calculation.waiting():
            calculation.run(batch_id, chunk=100)
        for batch_id in posting.waiting():
            posting.run(batch_id, chunk=100)
        work()
        time.sleep(0.05)


def test_many_drivers_under_random_kills_are_paid_exactly_once(cast, own_bank):
    """M1: random kill -9 and a faulty bank; the bank's book is the judge."""
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    scene = Scene(cast)
    scene.funding = scene.funding_account(own_bank.url)
    many_drivers(scene, DRIVERS)
    own_bank.faults(drop=100, twice=50, hang=20, refuse=20, hang_ms=1500, seed=seed)
    batch = scene.calculating()
    workers = [in_child(keep_working) for _ in range(3)]
    begun = last_fault = time.monotonic()
    kills = struck = 0
    try:
        while batch.status not in ("paid", "partly_paid"):
            assert time.monotonic() - begun < 600, f"seed {seed}: not settled"
            time.sleep(dice.uniform(0.05, 0.4))
            if kills < RANDOM_KILLS:
                victim = dice.randrange(len(workers))
                os.kill(workers[victim].pid or 0, signal.SIGKILL)
                workers[victim].join()
                workers[victim] = in_child(keep_working)
                kills += 1
                last_fault = time.monotonic()
            if (now_struck := sum(own_bank.counters()["faults"].values())) != struck:
                struck, last_fault = now_struck, time.monotonic()
            let_time_pass(30)
            go_on(scene, batch)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    payouts.settle_batch(batch.pk)
    verdict, counters = judge(batch, own_bank), own_bank.counters()
    report = {
        "drivers": DRIVERS,
        "double": verdict.double + counters["doubles"],
        "missing": verdict.missing,
        "wrong_amount": verdict.wrong_amount,
        "lost": verdict.unpaid,
        "findings": verdict.findings,
        "kills": kills,
        "faults": counters["faults"],
        "settled_s": round(time.monotonic() - last_fault, 1),
        "seconds": round(time.monotonic() - begun, 1),
        "seed": seed,
    }
    out = Path(CHECKOUT / "build")
    out.mkdir(exist_ok=True)
    (out / "chaos-pay.json").write_text(json.dumps(report) + "\n")
    assert verdict.is_good, report
    assert counters["doubles"] == 0, report
    assert Payment.objects.filter(batch=batch).count() == DRIVERS
    assert kills == RANDOM_KILLS, report
    assert report["settled_s"] <= 60, report
