"""Textbook examples: what is earned, owed and paid, with every balance after each step.

Balances are as the driver feels them: positive is what the company owes the driver.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from payments import services
from payments.models import Account, Payment, PaymentBatch
from payments.services import checks, handover, ledger, payouts
from payments.tests.scene import MONDAY, NEXT_MONDAY, NOW, WEEK, Scene, lines_of, payment_of
from payments.tests.test_payouts import deliver

D = Decimal


class Books:
    """The driver's balance, what was carried over, what the bank paid; and the nightly check."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def of(self, driver) -> tuple[Decimal, Decimal, Decimal]:
        found = {"driver": D(0), "driver_carried": D(0), "bank": D(0)}
        for account in Account.objects.filter(provider=self.scene.cast.a):
            if account.kind in found and account.driver_id in (None, driver.pk):
                found[account.kind] = -ledger.balance(account)
        assert checks.find_differences(self.scene.cast.a.pk) == []
        return found["driver"], found["driver_carried"], found["bank"]


@pytest.fixture
def books(scene: Scene, bank) -> Books:
    scene.funding = scene.funding_account(bank.url)
    return Books(scene)


def pay(scene: Scene, batch: PaymentBatch) -> PaymentBatch:
    services.pay_batch(batch, actor=scene.accountant)
    handover.run(batch.pk)
    deliver()
    payouts.settle_batch(batch.pk)
    batch.refresh_from_db()
    return batch


def test_three_weeks_of_a_driver_who_takes_cash(books: Books, scene: Scene, cast):
    """Week 1: 500 earned, 800 in cash: owes 300. Week 2: 700 earned, owes 300, 350 rent of which
    only 30 % of 700 may be withheld. Week 3: the rest of the rent."""
    driver = cast.driver
    scene.terms(driver, valid_to=NEXT_MONDAY)
    scene.terms(driver, rent_amount=D("350"), rent_per="week", valid_from=NEXT_MONDAY)
    scene.give_account(driver)
    scene.shift(driver, hours="1", km="0", fares={"fare": "1000", "cash_collected": "800"})
    assert books.of(driver) == (0, 0, 0)

    first = scene.approved()
    assert payment_of(first, driver).status == "carried"
    assert books.of(driver) == (0, D("-300"), 0)

    scene.shift(driver, NEXT_MONDAY, hours="1", km="0", fares={"fare": "1400"})
    second = scene.approved(NEXT_MONDAY, at=NOW + WEEK)
    payment = payment_of(second, driver)
    # 700 earned, 650 to deduct, cap 210: 490 paid, 440 carried
    assert lines_of(payment) == {"share": D("700"), "rent": D("-350"), "carried": D("-300")}
    assert (payment.net_amount, payment.carried_amount, payment.payable_amount) == (
        D("50"),
        D("440"),
        D("490"),
    )
    assert books.of(driver) == (D("490"), D("-440"), 0)
    assert pay(scene, second).status == "paid"
    assert books.of(driver) == (0, D("-440"), D("490"))

    third_monday = NEXT_MONDAY + WEEK
    scene.shift(driver, third_monday, hours="1", km="0", fares={"fare": "8000"})
    third = scene.approved(third_monday, at=NOW + 2 * WEEK)
    payment = payment_of(third, driver)
    # 4,000 earned, cap 1,200: all of 440 + 350 is withheld
    assert (payment.deductions_amount, payment.carried_amount) == (D("790"), 0)
    assert books.of(driver) == (D("3210"), 0, D("490"))
    assert pay(scene, third).status == "paid"
    assert books.of(driver) == (0, 0, D("3700"))


def test_late_shift_trues_its_old_week_up(books: Books, scene: Scene, cast):
    """Week 1: 10 h at 60 guaranteed; 500 share, so 100 topped up. Then a shift of that week comes
    late: 2 h more with 400 share. The week comes to 900 share, guarantee 720: no top-up at all.
    In week 2 the driver gets 400 more share and gives the 100 top-up back."""
    driver = cast.driver
    scene.terms(driver)
    scene.give_account(driver)
    scene.shift(driver, hours="10", km="0", fares={"fare": "1000"})
    first = pay(scene, scene.approved())
    assert lines_of(payment_of(first, driver)) == {"share": D("500"), "guarantee": D("100")}
    assert books.of(driver) == (0, 0, D("600"))

    tuesday = MONDAY + timedelta(days=1)
    late = scene.shift(driver, tuesday, hours="2", km="0", fares={"fare": "800"})
    scene.shift(driver, NEXT_MONDAY, hours="1", km="0", fares={"fare": "200"})
    second = scene.approved(NEXT_MONDAY, at=NOW + WEEK)
    old, new = [], []
    for line in payment_of(second, driver).lines.all():
        (old if line.window_starts_on == MONDAY else new).append(line)
    assert {line.key: line.amount for line in old} == {
        "share": D("400"),
        "guarantee": D("-100"),
    }
    assert {line.key: line.paid_before_amount for line in old} == {
        "share": D("500"),
        "guarantee": D("100"),
    }
    guarantee = next(line for line in old if line.key == "guarantee")
    assert guarantee.evidence == {"shifts": [late.pk], "trued_up": True}
    assert guarantee.quantity == 12 * 3600
    assert {line.key: line.amount for line in new} == {"share": D("100")}
    assert payment_of(second, driver).payable_amount == D("400")
    pay(scene, second)
    assert books.of(driver) == (0, 0, D("1000"))


def test_month_window_is_trued_up_by_each_weekly_payment(books: Books, scene: Scene, cast):
    """A monthly tier: 10 % up to 1,000, 20 % above; the weeks see the month so far."""
    tiers = [{"from": "0", "pct": "10"}, {"from": "1000", "pct": "20"}]
    monthly = {
        "key": "monthly",
        "rule": "income_share",
        "window": "month",
        "params": {"kinds": ["fare"], "tiers": tiers},
    }
    driver = cast.driver
    scene.terms(driver, plan_version=scene.new_plan("Monthly tiers", [monthly]))
    amounts = []
    for week, fare in enumerate(["600", "600", "1000"]):
        monday = MONDAY + week * WEEK
        scene.shift(driver, monday, fares={"fare": fare})
        batch = scene.approved(monday, at=NOW + week * WEEK)
        amounts.append(lines_of(payment_of(batch, driver))["monthly"])
    # 60; then 100 + 20 % of 200 = 140, less 60; then 140 + 20 % of 1,000 = 340, less 140
    assert amounts == [D("60"), D("80"), D("200")]
    assert books.of(driver) == (D("340"), 0, 0)


def test_entry_posted_after_its_shift_was_paid_is_paid_next(books: Books, scene: Scene, cast):
    driver = cast.driver
    scene.terms(driver)
    shift = scene.shift(driver, hours="1", km="0", fares={"fare": "1000"})
    scene.approved()
    scene.entry(driver, "tip", "33.33", shift=shift)
    scene.entry(driver, "cash_collected", "20", shift=shift)
    second = scene.approved(NEXT_MONDAY, at=NOW + WEEK)
    assert lines_of(payment_of(second, driver)) == {"tips": D("33.33"), "cash": D("-20")}
    assert books.of(driver) == (D("513.33"), 0, 0)


def test_exception_of_one_week_is_paid_in_the_next(books: Books, scene: Scene, cast):
    driver = cast.driver
    scene.terms(driver)
    scene.terms(cast.other_driver)
    scene.shift(cast.other_driver)
    shift = scene.shift(driver, measured=False)
    first = scene.approved()
    assert payment_of(first, driver).status == "exception"
    assert books.of(driver) == (0, 0, 0)
    scene.measure(shift, 8 * 3600, D("0"))
    second = scene.approved(NEXT_MONDAY, at=NOW + WEEK)
    payment = payment_of(second, driver)
    assert payment.payable_amount == D("480")
    assert payment.lines.get().window_starts_on == MONDAY
    assert books.of(driver) == (D("480"), 0, 0)


def test_returned_payout_is_owed_again_and_sent_anew(books: Books, scene: Scene, cast, bank):
    from payments.models import Payout
    from payments.services import reconciliation

    driver = cast.driver
    scene.payable(driver)
    batch = pay(scene, scene.approved())
    assert books.of(driver) == (0, 0, D("480"))
    payout = Payout.objects.get()
    bank.call("POST", f"/payouts/{payout.key}/return", {"reason": "account closed"})
    reconciliation.reconcile(scene.funding)
    payout.refresh_from_db()
    assert (payout.status, payment_of(batch, driver).status) == ("returned", "returned")
    assert books.of(driver) == (D("480"), 0, 0)
    services.reissue_payment(
        payment_of(batch, driver), actor=scene.accountant, reason="new account"
    )
    assert books.of(driver) == (0, 0, 0)
    deliver()
    assert Payment.objects.get().status == "paid"
    assert books.of(driver) == (0, 0, D("480"))


def test_instalments_add_up_to_their_total(books: Books, scene: Scene, cast):
    """100 in 3 instalments: 33.34 + 33.33 + 33.33, one in each week."""
    driver = cast.driver
    scene.terms(driver)
    asked = services.request_series(
        driver,
        actor=scene.accountant,
        kind="damage",
        total=D("100"),
        occurrences=3,
        first_due_on=MONDAY,
        every_days=7,
        reason="mirror",
        at=NOW,
    )
    for adjustment in asked:
        services.approve_adjustment(adjustment, actor=scene.owner)
    taken = []
    for week in range(3):
        monday = MONDAY + week * WEEK
        scene.shift(driver, monday)
        batch = scene.approved(monday, at=NOW + week * WEEK)
        taken.append(lines_of(payment_of(batch, driver))["damage"])
    assert taken == [D("-33.34"), D("-33.33"), D("-33.33")]
    assert books.of(driver) == (3 * D("480") - 100, 0, 0)


def test_leaver_is_settled_in_any_state(books: Books, scene: Scene, cast):
    from drivers import services as driver_services

    driver = cast.driver
    terms = scene.terms(driver)
    scene.shift(driver)
    services.end_terms(terms, actor=scene.owner, valid_to=MONDAY + timedelta(days=1))
    driver_services.leave_driver(driver, actor=scene.owner, reason="moves away")
    driver_services.terminate_driver(
        driver, actor=scene.owner, reason="moved away", override_reason="the last pay follows"
    )
    scene.adjustment(driver, "bonus", "20", due_on=NEXT_MONDAY)
    scene.approved()
    assert books.of(driver) == (D("480"), 0, 0)
    batch = scene.approved(NEXT_MONDAY, at=NOW + WEEK)
    assert lines_of(payment_of(batch, driver)) == {"bonus": D("20")}
    assert books.of(driver) == (D("500"), 0, 0)
