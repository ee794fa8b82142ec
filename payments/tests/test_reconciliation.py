"""The bank's book against ours: what matches, what does not, and what it settles."""

import uuid
from decimal import Decimal

import pytest

from payments import services
from payments.errors import BankUnreachable
from payments.models import BankMovement, FundingAccount, Payout
from payments.services import reconciliation
from payments.tests.bank import running_bank
from payments.tests.scene import Scene
from payments.tests.test_payouts import deliver, handed_over
from voltop.jobs import Job

D = Decimal


@pytest.fixture
def own_bank(tmp_path, settings):
    """A bank whose whole book is this test's."""
    with running_bank(tmp_path / "book.sqlite") as running:
        settings.OUTBOUND_ALLOWED = [running.url.removeprefix("http://")]
        settings.BANK_TIMEOUT_S = 2
        yield running


@pytest.fixture
def paying(scene: Scene, own_bank) -> Scene:
    scene.funding = scene.funding_account(own_bank.url)
    for driver in (scene.cast.driver, scene.cast.other_driver):
        scene.payable(driver)
    return scene


def counts(report: reconciliation.Report) -> tuple[int, ...]:
    return tuple(report.as_json().values())


def test_everything_matches(paying: Scene, own_bank):
    handed_over(paying)
    deliver()
    # matched, wrong amount, unmatched, missing, doubles
    assert counts(reconciliation.reconcile(paying.funding)) == (2, 0, 0, 0, 0)
    assert counts(reconciliation.reconcile(paying.funding)) == (2, 0, 0, 0, 0)
    assert BankMovement.objects.count() == 2


def test_book_settles_what_was_unknown(paying: Scene, own_bank):
    own_bank.faults("drop", "refuse")
    batch = handed_over(paying)
    deliver()
    assert set(Payout.objects.values_list("status", flat=True)) == {"unknown", "failed"}
    reconciliation.reconcile(paying.funding)
    assert set(Payout.objects.values_list("status", flat=True)) == {"confirmed", "failed"}
    batch.refresh_from_db()
    assert batch.status == "partly_paid"


def test_foreign_and_altered_lines_are_odd_and_change_nothing(paying: Scene, own_bank):
    handed_over(paying)
    first, second = Payout.objects.order_by("pk")
    creditor = {"name": "X", "kind": "us", "account": {}}
    odd = {"amount": "480.01", "currency": "MXN", "reference": first.reference}
    own_bank.pay(str(first.key), {**odd, "creditor": creditor})
    own_bank.pay(str(uuid.uuid4()), {**odd, "reference": "stranger", "creditor": creditor})
    own_bank.pay("not-a-uuid", {**odd, "reference": "other", "creditor": creditor})
    assert counts(reconciliation.reconcile(paying.funding)) == (0, 1, 2, 0, 0)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("created", "created")


def test_confirmed_payout_that_the_book_lacks_is_missing(
    paying: Scene, own_bank, tmp_path, settings
):
    handed_over(paying)
    deliver()
    with running_bank(tmp_path / "other.sqlite") as empty:
        settings.OUTBOUND_ALLOWED = [empty.url.removeprefix("http://")]
        FundingAccount.objects.update(endpoint=empty.url)
        account = FundingAccount.objects.get()
        assert counts(reconciliation.reconcile(account)) == (0, 0, 0, 2, 0)


def test_payment_settled_under_two_keys_is_a_double(paying: Scene, own_bank):
    handed_over(paying)
    deliver()
    payout = Payout.objects.first()
    creditor = {"name": "X", "kind": "us", "account": {}}
    again = {"amount": "480.00", "currency": "MXN", "reference": payout.reference}
    own_bank.pay(str(uuid.uuid4()), {**again, "creditor": creditor})
    report = reconciliation.reconcile(paying.funding)
    assert (report.doubles, report.unmatched) == (1, 1)


def test_bank_that_is_away_fails_the_job_and_nothing_else(paying: Scene, own_bank):
    own_bank.process.terminate()
    own_bank.process.wait()
    job = services.request_reconciliation(paying.funding, actor=paying.accountant)
    with pytest.raises(BankUnreachable):
        reconciliation.run_job(job.pk)
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.error_code) == ("failed", "bank_unreachable")
    reconciliation.run_job(job.pk)  # over: rung again, nothing happens


def test_requested_reconciliation_reports_in_its_job(paying: Scene, own_bank):
    handed_over(paying)
    deliver()
    job = services.request_reconciliation(paying.funding, actor=paying.accountant)
    reconciliation.run_job(job.pk)
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.result["matched"], job.result["missing"]) == ("done", 2, 0)


def test_each_active_account_is_reconciled_once_a_day(paying: Scene):
    assert reconciliation.daily() == 1
    assert reconciliation.daily() == 0
    assert Job.objects.filter(kind="payments.reconcile").count() == 1
