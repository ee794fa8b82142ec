"""What a batch comes to, worked out by hand, and that nothing is paid twice or lost."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from payments import services
from payments.models import Payment, PaymentClaim, PaymentLine, RunType
from payments.services import calculation
from payments.tests.scene import MONDAY, NEXT_MONDAY, NOW, WEEK, Scene, lines_of, payment_of
from voltop.jobs import Job

D = Decimal


def test_weeks_pay_by_hand(scene: Scene, cast):
    """Two shifts: 16.5 h, 230.5 km, fares 1,400.10, tips 55.55, cash 300.

    share 700.05, tips 55.55, km 57.625 → 57.62; guarantee 16.5 × 60 - 757.67 = 232.33.
    """
    scene.terms(cast.driver)
    first = scene.shift(cast.driver, hours="8", km="100", fares={"fare": "600.10", "tip": "55.55"})
    later = scene.shift(
        cast.driver,
        MONDAY + timedelta(days=6),
        hours="8.5",
        km="130.5",
        fares={"fare": "800", "cash_collected": "300"},
    )
    batch = scene.calculated()
    payment = payment_of(batch, cast.driver)
    assert lines_of(payment) == {
        "share": D("700.05"),
        "tips": D("55.55"),
        "distance": D("57.62"),
        "guarantee": D("232.33"),
        "cash": D("-300"),
    }
    assert payment.status == "ready"
    assert payment.earnings_amount == D("1045.55")
    assert payment.cash_amount == D("300")
    assert payment.net_amount == payment.payable_amount == D("745.55")
    share = payment.lines.get(key="share")
    assert (share.window_starts_on, share.window_ends_on) == (MONDAY, NEXT_MONDAY)
    assert (share.quantity, share.unit, share.rate) == (140010, "money", "50 %")
    assert len(share.evidence["entries"]) == 3
    assert payment.lines.get(key="distance").evidence == {"shifts": [first.pk, later.pk]}
    assert (batch.status, batch.drivers, batch.exceptions) == ("in_review", 1, 0)
    assert batch.payable_amount == D("745.55")
    job = Job.objects.get(pk=batch.job_id)
    assert (job.state, job.done, job.total) == ("done", 1, 1)


def test_only_confirmed_shifts_of_the_period_are_paid(scene: Scene, cast):
    scene.terms(cast.driver)
    inside = scene.shift(cast.driver)
    scene.shift(cast.driver, NEXT_MONDAY)
    scene.shift(cast.driver, MONDAY + timedelta(days=1), status="ended")
    batch = scene.calculated()
    claims = PaymentClaim.objects.filter(payment__batch=batch, shift__isnull=False)
    assert list(claims.values_list("shift_id", flat=True)) == [inside.pk]


def test_entry_without_a_shift_is_paid_by_its_date(scene: Scene, cast):
    scene.terms(cast.driver)
    scene.entry(cast.driver, "fare", "100", on=MONDAY)
    scene.entry(cast.driver, "fare", "1", on=NEXT_MONDAY)
    assert lines_of(payment_of(scene.calculated(), cast.driver)) == {"share": D("50")}


def test_income_of_an_unconfirmed_shift_waits_for_it(scene: Scene, cast):
    scene.terms(cast.driver)
    scene.shift(cast.driver, fares={"fare": "500"}, status="ended")
    batch = scene.calculated()
    assert not Payment.objects.filter(batch=batch).exists()


# --- Rent, limits, adjustments -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("per", "days", "rent"), [("day", 7, "-700"), ("week", 7, "-100"), ("work_day", 2, "-200")]
)
def test_rent_is_taken_by_its_kind(scene: Scene, cast, per, days, rent):
    scene.terms(cast.driver, rent_amount=D("100"), rent_per=per)
    services_policy(cast, deduction_cap_pct=100)
    scene.shift(cast.driver, fares={"fare": "5000"})
    scene.shift(cast.driver, MONDAY + timedelta(days=2), fares={"fare": "5000"})
    line = payment_of(scene.calculated(), cast.driver).lines.get(key="rent")
    assert (line.amount, line.quantity, line.category) == (D(rent), days, "rent")


def services_policy(cast, **values):
    from fleets.services import change_policy

    change_policy(cast.a, actor=cast.actor(), values=values)


def test_rent_begins_and_ends_with_the_terms(scene: Scene, cast):
    services_policy(cast, deduction_cap_pct=100)
    scene.terms(
        cast.driver,
        rent_amount=D("70"),
        rent_per="week",
        valid_from=MONDAY + timedelta(days=2),
        valid_to=MONDAY + timedelta(days=5),
    )
    scene.shift(cast.driver, MONDAY + timedelta(days=3), fares={"fare": "5000"})
    line = payment_of(scene.calculated(), cast.driver).lines.get(key="rent")
    assert (line.amount, line.quantity) == (D("-30"), 3)


def test_deductions_above_the_cap_are_carried_over(scene: Scene, cast):
    """Earnings 500, cap 30 % = 150; rent 400: 150 withheld, 250 carried, 350 paid."""
    scene.terms(cast.driver, rent_amount=D("400"), rent_per="week")
    services_policy(cast, deduction_cap_pct=30)
    scene.shift(cast.driver, hours="1", km="0", fares={"fare": "1000"})
    payment = payment_of(scene.calculated(), cast.driver)
    assert (payment.net_amount, payment.carried_amount, payment.payable_amount) == (
        D("100"),
        D("250"),
        D("350"),
    )


def test_adjustments_are_lines_with_their_sign(scene: Scene, cast):
    scene.terms(cast.driver)
    services_policy(cast, deduction_cap_pct=100)
    scene.shift(cast.driver, km="0", fares={"fare": "2000"})
    scene.adjustment(cast.driver, "bonus", "10.01")
    scene.adjustment(cast.driver, "correction", "-5")
    scene.adjustment(cast.driver, "reimbursement", "20")
    scene.adjustment(cast.driver, "damage", "30")
    scene.adjustment(cast.driver, "advance", "40", due_on=NEXT_MONDAY)
    payment = payment_of(scene.calculated(), cast.driver)
    assert lines_of(payment) == {
        "share": D("1000"),
        "bonus": D("10.01"),
        "correction": D("-5"),
        "reimbursement": D("20"),
        "damage": D("-30"),
    }
    assert payment.earnings_amount == D("1005.01")
    assert payment.deductions_amount == D("30")
    assert payment.payable_amount == D("995.01")


def test_more_cash_than_pay_leaves_a_debt_and_pays_nothing(scene: Scene, cast):
    scene.terms(cast.driver)
    scene.shift(cast.driver, hours="1", fares={"fare": "400", "cash_collected": "400"}, km="0")
    payment = payment_of(scene.calculated(), cast.driver)
    assert (payment.net_amount, payment.carried_amount, payment.payable_amount) == (
        D("-200"),
        D("200"),
        D("0"),
    )
    assert payment.status == "ready"


# --- Exceptions block only themselves ------------------------------------------------------------
def codes(payment: Payment) -> list[str]:
    return [problem["code"] for problem in payment.exceptions]


def no_terms(scene: Scene, driver) -> None:
    scene.shift(driver)


def gap_in_terms(scene: Scene, driver) -> None:
    scene.terms(driver, valid_from=MONDAY + timedelta(days=3))
    scene.shift(driver)


def no_metrics(scene: Scene, driver) -> None:
    scene.terms(driver)
    scene.shift(driver, measured=False)


def terms_not_accepted(scene: Scene, driver) -> None:
    scene.terms(driver, accepted=False, rent_amount=D("10"), rent_per="day")
    scene.shift(driver)


def damage_without_accepted_terms(scene: Scene, driver) -> None:
    scene.terms(driver, accepted=False)
    scene.shift(driver)
    scene.adjustment(driver, "damage", "5")


def foreign_currency(scene: Scene, driver) -> None:
    scene.terms(driver)
    scene.entry(driver, "fare", "10", currency="USD")


def too_fine(scene: Scene, driver) -> None:
    scene.terms(driver)
    scene.entry(driver, "fare", "10.001")


def beyond_measure(scene: Scene, driver) -> None:
    scene.terms(driver)
    for _ in range(4):
        scene.entry(driver, "tip", "900000000000000")


@pytest.mark.parametrize(
    ("arrange", "code"),
    [
        (no_terms, "no_terms"),
        (gap_in_terms, "no_terms_then"),
        (no_metrics, "metrics_missing"),
        (terms_not_accepted, "terms_not_accepted"),
        (damage_without_accepted_terms, "terms_not_accepted"),
        (foreign_currency, "currency_mismatch"),
        (too_fine, "too_many_decimals"),
        (beyond_measure, "amount_out_of_range"),
    ],
)
def test_exception_names_its_reason_and_blocks_only_its_driver(scene: Scene, cast, arrange, code):
    assert scene.group.is_default
    arrange(scene, cast.driver)
    scene.terms(cast.other_driver)
    scene.shift(cast.other_driver)
    batch = scene.calculated()
    blocked = payment_of(batch, cast.driver)
    assert (blocked.status, codes(blocked)) == ("exception", [code])
    assert blocked.payable_amount == 0
    assert not blocked.lines.exists()
    assert not blocked.claims.exists(), "what could not be computed stays free"
    assert payment_of(batch, cast.other_driver).status == "ready"
    assert (batch.drivers, batch.exceptions) == (2, 1)


def test_payslips_that_no_batch_could_sum_up_block_their_drivers_only(scene: Scene, cast):
    """Each would fit its own row."""
    for driver in (cast.driver, cast.other_driver):
        scene.terms(driver)
        scene.entry(driver, "tip", "900000000000000")
    batch = scene.calculated()
    assert (batch.status, batch.exceptions, batch.payable_amount) == ("in_review", 2, 0)
    assert codes(payment_of(batch, cast.driver)) == ["amount_out_of_range"]


def test_deducting_needs_a_legal_basis(scene: Scene, cast):
    services_policy(cast, deduction_basis="")
    scene.terms(cast.driver, rent_amount=D("10"), rent_per="day")
    scene.shift(cast.driver)
    assert codes(payment_of(scene.calculated(), cast.driver)) == ["no_deduction_basis"]


def test_exception_is_computed_once_its_cause_is_gone(scene: Scene, cast):
    scene.terms(cast.driver)
    shift = scene.shift(cast.driver, measured=False)
    batch = scene.calculated()
    assert payment_of(batch, cast.driver).status == "exception"
    scene.measure(shift, 8 * 3600, D("100"))
    batch = scene.again(batch)
    payment = payment_of(batch, cast.driver)
    assert (payment.status, payment.payable_amount) == ("ready", D("480"))
    moves = list(payment.events.values_list("from_state", "to_state"))
    assert moves == [("", "draft"), ("draft", "exception"), ("exception", "draft"),
                     ("draft", "ready")]  # fmt: skip


def test_defect_of_ours_blocks_one_driver(scene: Scene, cast, monkeypatch):
    from payments.calculation import payslip

    real = payslip.make

    def broken(work, rules):
        if work.driver_id == cast.driver.pk:
            raise ZeroDivisionError
        return real(work, rules)

    monkeypatch.setattr(payslip, "make", broken)
    for driver in (cast.driver, cast.other_driver):
        scene.terms(driver)
        scene.shift(driver)
    batch = scene.calculated()
    assert codes(payment_of(batch, cast.driver)) == ["internal_error"]
    assert payment_of(batch, cast.other_driver).status == "ready"


# --- Again, and in pieces ------------------------------------------------------------------------
def snapshot(batch) -> list[tuple]:
    lines = PaymentLine.objects.filter(payment__batch=batch).order_by("payment__driver", "position")
    return list(lines.values_list("payment__driver", "key", "amount", "quantity"))


def test_chunks_of_one_give_what_one_chunk_gives(scene: Scene, cast):
    for number in range(5):
        driver = cast.new_driver(f"Chunk{number}")
        scene.terms(driver)
        scene.shift(driver, hours=str(4 + number), fares={"fare": str(700 * number)})
    batch = scene.calculated()
    whole = snapshot(batch)
    services.calculate_batch(batch, actor=scene.accountant, at=NOW)
    scene.run(batch, chunk=1)
    assert snapshot(batch) == whole
    assert PaymentClaim.objects.filter(payment__batch=batch).count() == 10


def test_calculating_again_shows_the_difference(scene: Scene, cast):
    scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    assert payment_of(batch, cast.driver).previous_payable_amount is None
    scene.shift(cast.driver, MONDAY + timedelta(days=1))
    batch = scene.again(batch)
    payment = payment_of(batch, cast.driver)
    assert payment.previous_payable_amount == D("480")
    assert payment.payable_amount == D("960")
    assert payment.calculation == 2


def test_driver_who_left_the_group_is_left_out_by_name(scene: Scene, cast):
    terms = scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    other = scene.new_group("Others")
    services.end_terms(terms, actor=scene.owner, valid_to=MONDAY + timedelta(days=3))
    scene.terms(cast.driver, pay_group=other, valid_from=MONDAY + timedelta(days=3))
    batch = scene.again(batch)
    assert codes(payment_of(batch, cast.driver)) == ["not_in_group"]
    assert not PaymentClaim.objects.filter(payment__batch=batch).exists()


def test_work_that_vanished_is_nothing_to_pay(scene: Scene, cast):
    scene.terms(cast.driver)
    shift = scene.shift(cast.driver)
    batch = scene.calculated()
    type(shift).objects.filter(pk=shift.pk).update(status="ended")
    batch = scene.again(batch)
    assert codes(payment_of(batch, cast.driver)) == ["nothing_to_pay"]


def test_held_payment_stays_held_when_calculated_again(scene: Scene, cast):
    scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    services.hold_payment(payment_of(batch, cast.driver), actor=scene.accountant, reason="asked")
    batch = scene.again(batch)
    assert payment_of(batch, cast.driver).status == "held"


def test_dropped_payment_is_left_to_the_next_batch_for_good(scene: Scene, cast):
    scene.terms(cast.driver)
    shift = scene.shift(cast.driver)
    batch = scene.calculated()
    payment = payment_of(batch, cast.driver)
    services.hold_payment(payment, actor=scene.accountant, reason="ask")
    services.drop_payment(payment, actor=scene.accountant, reason="later")
    batch = scene.again(batch)
    assert payment_of(batch, cast.driver).status == "cancelled"
    assert not PaymentClaim.objects.exists()
    following = scene.calculated(NEXT_MONDAY, at=NOW + WEEK)
    assert PaymentClaim.objects.get(shift=shift).payment.batch == following


# --- Claimed once --------------------------------------------------------------------------------
def test_shift_is_claimed_by_one_live_batch_only(scene: Scene, cast):
    scene.terms(cast.driver)
    shift = scene.shift(cast.driver, fares={"fare": "100"})
    first = scene.calculated()
    second = scene.calculated(NEXT_MONDAY, at=NOW + WEEK)
    assert not Payment.objects.filter(batch=second).exists()
    assert PaymentClaim.objects.get(shift=shift).payment.batch == first


def test_cancelled_batch_frees_what_it_claimed(scene: Scene, cast):
    scene.terms(cast.driver)
    shift = scene.shift(cast.driver)
    first = scene.calculated()
    services.cancel_batch(first, actor=scene.accountant, reason="wrong week")
    assert payment_of(first, cast.driver).status == "cancelled"
    second = scene.calculated()
    assert PaymentClaim.objects.get(shift=shift).payment.batch == second


def test_off_cycle_batch_pays_adjustments_only(scene: Scene, cast):
    scene.terms(cast.driver, rent_amount=D("10"), rent_per="day")
    scene.terms(cast.other_driver)
    scene.shift(cast.driver)
    scene.adjustment(cast.driver, "bonus", "100")
    batch = scene.calculated(run_type=RunType.OFF_CYCLE)
    assert lines_of(payment_of(batch, cast.driver)) == {"bonus": D("100")}
    assert batch.drivers == 1


def test_month_window_within_weekly_pay_needs_no_history_when_nothing_was_paid(scene: Scene, cast):
    bonus = {
        "key": "month_bonus",
        "rule": "bonus",
        "window": "month",
        "params": {"metric": "hours", "at_least": "10", "amount": "99"},
    }
    scene.terms(cast.driver, plan_version=scene.new_plan("Monthly bonus", [bonus]))
    scene.shift(cast.driver, hours="11")
    line = payment_of(scene.calculated(), cast.driver).lines.get()
    assert (line.key, line.amount) == ("month_bonus", D("99"))
    assert (line.window_starts_on, line.window_ends_on) == (date(2026, 3, 1), date(2026, 4, 1))


def test_sweep_knows_what_is_to_be_calculated(scene: Scene):
    batch = scene.calculating()
    assert calculation.waiting() == [batch.pk]
    scene.run(batch)
    assert calculation.waiting() == []
