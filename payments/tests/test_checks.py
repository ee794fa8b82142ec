"""The nightly recomputation finds one cent, wherever it is put."""

from decimal import Decimal

import pytest
from django.db import connection

from payments.services import checks
from payments.tests.scene import Scene
from payments.tests.test_payouts import deliver, handed_over
from voltop.jobs import Job


@pytest.fixture
def settled(scene: Scene, bank) -> Scene:
    """One payment paid, one carried debt; all books right."""
    scene.funding = scene.funding_account(bank.url)
    scene.payable(scene.cast.driver)
    scene.terms(scene.cast.other_driver)
    scene.shift(
        scene.cast.other_driver,
        hours="1",
        km="0",
        fares={"fare": "100", "cash_collected": "100"},
    )
    handed_over(scene)
    deliver()
    return scene


def test_right_books_have_no_findings(settled: Scene, cast):
    assert checks.check_books(cast.a.pk) == []
    job = Job.objects.get(kind="payments.check_books")
    assert (job.state, job.result["findings"]) == ("done", 0)


TAMPERING = {
    "entry_balanced": (
        "UPDATE payments_posting SET amount = amount + 0.01 WHERE id ="
        " (SELECT min(id) FROM payments_posting)"
    ),
    "payment_lines": (
        "UPDATE payments_paymentline SET amount = amount + 0.01 WHERE id ="
        " (SELECT min(id) FROM payments_paymentline)"
    ),
    "payment_booked": (
        "UPDATE payments_posting SET amount = amount + 0.01 FROM payments_account a,"
        " payments_entry e WHERE a.id = account_id AND a.kind = 'driver' AND e.id = entry_id"
        " AND e.kind = 'payment_approved'"
    ),
    "driver_balance": (
        "UPDATE payments_posting SET amount = amount + 0.01 FROM payments_account a"
        " WHERE a.id = account_id AND a.kind = 'driver'"
    ),
    "clearing_balance": (
        "UPDATE payments_posting SET amount = amount + 0.01 FROM payments_account a"
        " WHERE a.id = account_id AND a.kind = 'payout_clearing'"
    ),
    "bank_balance": (
        "UPDATE payments_posting SET amount = amount + 0.01 FROM payments_account a"
        " WHERE a.id = account_id AND a.kind = 'bank'"
    ),
    "carried_balance": (
        "UPDATE payments_posting SET amount = amount + 0.01 FROM payments_account a"
        " WHERE a.id = account_id AND a.kind = 'driver_carried'"
    ),
    "payout_amount": "UPDATE payments_payout SET amount = amount + 0.01",
    "evidence_frozen": "UPDATE payments_paymentevidence SET content = '{\"shifts\": []}'",
}


@pytest.mark.parametrize("check", checks.CHECKS)
def test_one_cent_is_found(settled: Scene, cast, check):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as a restore would
        cursor.execute(TAMPERING[check])
        assert cursor.rowcount > 0
        cursor.execute("SET LOCAL session_replication_role = origin")
    found = checks.check_books(cast.a.pk)
    assert check in {finding.check for finding in found}
    if check not in ("evidence_frozen", "entry_balanced"):
        one = next(f for f in found if f.check == check)
        assert abs(Decimal(one.difference)) >= Decimal("0.01")
    assert Job.objects.get(kind="payments.check_books").result["findings"] == len(found)


def test_books_of_one_provider_say_nothing_of_another(settled: Scene, cast):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE payments_payout SET amount = amount + 0.01")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert checks.find_differences(cast.b.pk) == []


def test_books_are_checked_once_a_day(settled: Scene):
    checks.nightly()
    checks.nightly()
    assert Job.objects.filter(kind="payments.check_books").count() == 1
