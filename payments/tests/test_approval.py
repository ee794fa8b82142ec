"""A second person approves; what was approved is booked, frozen and never changed."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from drivers.services import set_payout_account
from fleets import services as fleet_services
from fleets.errors import FreshSecondFactorRequired
from payments import services
from payments.errors import (
    CalculationOutdated,
    FourEyes,
    FundingAccountNotActive,
    FundingShort,
    NothingToApprove,
    PersonRequired,
)
from payments.models import Account, Entry, Payment, PaymentBatch, PaymentEvidence, Posting
from payments.services import approval, ledger, posting
from payments.tests.crowds import many_drivers
from payments.tests.scene import MONDAY, Scene, payment_of
from shifts import services as shift_services
from shifts.models import Shift
from voltop import clock
from voltop.context import Actor
from voltop.errors import IllegalMove
from voltop.jobs import Job

D = Decimal


@pytest.fixture
def worked(scene: Scene, cast):
    """A week of one driver: share 500, cash 120, rent 100 (of a cap of 150), bonus 10."""
    scene.terms(cast.driver, rent_amount=D("100"), rent_per="week")
    scene.shift(cast.driver, hours="1", km="0", fares={"fare": "1000", "cash_collected": "120"})
    scene.adjustment(cast.driver, "bonus", "10")
    return scene


def balance(cast, kind: str, driver=None) -> Decimal:
    account = Account.objects.filter(provider=cast.a, kind=kind, driver=driver).first()
    return ledger.balance(account) if account else D(0)


def test_approval_books_and_settles_everything(worked: Scene, cast):
    batch = worked.approved()
    payment = payment_of(batch, cast.driver)
    assert (batch.status, payment.status) == ("approved", "approved")
    assert payment.payable_amount == D("290")
    assert balance(cast, "driver", cast.driver) == D("-290")
    assert balance(cast, "wages") == D("510")
    assert balance(cast, "cash_collected") == D("-120")
    assert balance(cast, "rent") == D("-100")
    assert set(Shift.objects.values_list("status", flat=True)) == {"settled"}
    assert cast.driver.adjustments.get().status == "applied"
    assert Job.objects.get(pk=batch.job_id).state == "done"


def test_whoever_made_the_last_change_cannot_approve(worked: Scene):
    batch = worked.calculated()
    with pytest.raises(FourEyes):
        services.approve_batch(batch, actor=worked.accountant)
    services.calculate_batch(batch, actor=worked.owner)
    batch = worked.run(batch)
    with pytest.raises(FourEyes):  # the owner calculated last
        services.approve_batch(batch, actor=worked.owner)
    with pytest.raises(FourEyes):  # the accountant opened it
        services.approve_batch(batch, actor=worked.accountant)
    manager = Actor("user", worked.cast.manager.pk, worked.cast.a.pk)
    assert services.approve_batch(batch, actor=manager).approved_by == str(manager)


def test_holding_a_payment_is_a_change_too(worked: Scene, cast):
    batch = worked.calculated()
    services.hold_payment(payment_of(batch, cast.driver), actor=worked.owner, reason="look")
    services.release_payment(payment_of(batch, cast.driver), actor=worked.owner)
    with pytest.raises(FourEyes):
        services.approve_batch(batch, actor=worked.owner)


def test_one_person_companies_may_switch_four_eyes_off(worked: Scene, cast):
    from fleets.services import change_policy

    change_policy(cast.a, actor=cast.actor(), values={"four_eyes": False})
    batch = worked.calculated()
    assert services.approve_batch(batch, actor=worked.accountant).status == "approved"


def test_database_itself_refuses_an_approver_who_made_the_change(worked: Scene):
    batch = worked.calculated()
    with pytest.raises(IntegrityError, match="payments_batch_four_eyes"), transaction.atomic():
        PaymentBatch.objects.filter(pk=batch.pk).update(
            status="approved", approved_by=batch.changed_by, approved_at=batch.created_at
        )


def test_programs_cannot_approve(worked: Scene, cast):
    batch = worked.calculated()
    with pytest.raises(PersonRequired):
        services.approve_batch(batch, actor=Actor("client", 1, cast.a.pk))


def test_nothing_ready_is_nothing_to_approve(scene: Scene):
    batch = scene.calculated()
    with pytest.raises(NothingToApprove):
        services.approve_batch(batch, actor=scene.owner)
    batch.refresh_from_db()
    assert batch.status == "in_review"


# --- What changed in between ---------------------------------------------------------------------
def test_changed_work_must_be_calculated_again(worked: Scene, cast):
    batch = worked.calculated()
    shift = Shift.objects.get()
    shift_services.reopen_shift(shift, actor=worked.owner, reason="wrong end")
    with pytest.raises(CalculationOutdated) as caught:
        services.approve_batch(batch, actor=worked.owner)
    assert caught.value.extra == {"drivers": [cast.driver.pk]}
    batch.refresh_from_db()
    assert batch.status == "in_review"


def test_changed_metrics_must_be_calculated_again(worked: Scene):
    batch = worked.calculated()
    metrics = Shift.objects.get().metrics
    metrics.km = D("5")
    metrics.save(update_fields=["km"])
    with pytest.raises(CalculationOutdated):
        services.approve_batch(batch, actor=worked.owner)


def test_work_that_changes_after_the_approval_holds_its_payment(worked: Scene, cast):
    worked.terms(cast.other_driver)
    worked.shift(cast.other_driver)
    batch = services.approve_batch(worked.calculated(), actor=worked.owner)
    shift = Shift.objects.get(driver=cast.driver)
    shift_services.reopen_shift(shift, actor=worked.owner, reason="wrong end")
    posting.run(batch.pk)
    held = payment_of(batch, cast.driver)
    assert (held.status, held.approved_at) == ("held", None)
    assert held.events.last().reason == "changed after the approval"
    assert payment_of(batch, cast.other_driver).status == "approved"
    assert not Posting.objects.filter(account__driver=cast.driver).exists()


def test_calculation_that_failed_cannot_be_approved(worked: Scene, monkeypatch):
    from payments.services import calculation

    batch = worked.calculated()
    services.calculate_batch(batch, actor=worked.accountant)

    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(calculation, "_calculate", broken)
    with pytest.raises(ZeroDivisionError):
        calculation.run(batch.pk)
    batch.refresh_from_db()
    assert batch.status == "in_review"
    assert Job.objects.get(pk=batch.job_id).state == "failed"
    with pytest.raises(CalculationOutdated):
        services.approve_batch(batch, actor=worked.owner)


# --- Money in the paying account -----------------------------------------------------------------
def funding(scene: Scene, settings, *, active: bool = True):
    settings.OUTBOUND_ALLOWED = ["bank.example:443"]
    account = services.propose_funding_account(
        scene.cast.a,
        actor=scene.accountant,
        name="House bank",
        endpoint="https://bank.example",
        secret="token",
    )
    if active:
        account = services.activate_funding_account(account, actor=scene.owner)
    return account


def test_approval_refuses_more_than_the_paying_account_holds(worked: Scene, settings):
    batch = worked.calculated()
    account = services.tell_available(
        funding(worked, settings),
        actor=worked.accountant,
        amount=D("289.99"),
        currency="MXN",
        known_at=batch.created_at,
    )
    with pytest.raises(FundingShort) as caught:
        services.approve_batch(batch, actor=worked.owner, funding_account=account)
    assert caught.value.extra["needed"] == "290.0000"
    account = services.tell_available(
        account, actor=worked.accountant, amount=D("290"), currency="MXN",
        known_at=batch.created_at,
    )  # fmt: skip
    approved = services.approve_batch(batch, actor=worked.owner, funding_account=account)
    assert approved.funding_account == account


def test_approval_names_only_an_active_paying_account(worked: Scene, settings):
    account = funding(worked, settings, active=False)
    with pytest.raises(FundingAccountNotActive):
        services.approve_batch(worked.calculated(), actor=worked.owner, funding_account=account)


# --- Frozen --------------------------------------------------------------------------------------
ATTACKS = {
    "change a line": "UPDATE payments_paymentline SET amount = 1",
    "delete a line": "DELETE FROM payments_paymentline",
    "add a line": (
        "INSERT INTO payments_paymentline (provider_id, payment_id, position, category, key,"
        " amount, currency, paid_before_amount, unit, rate, evidence) SELECT provider_id, id, 99,"
        " 'earning', 'gift', 5, currency, 0, '', '', '{}' FROM payments_payment"
    ),
    "empty the lines": "TRUNCATE payments_paymentline",
    "free a claim": "DELETE FROM payments_paymentclaim",
    "raise the amount": (
        "UPDATE payments_payment SET earnings_amount = earnings_amount + 1,"
        " net_amount = net_amount + 1, payable_amount = payable_amount + 1"
    ),
    "change the driver": "UPDATE payments_payment SET driver_id = %(other)s",
    "unapprove": "UPDATE payments_payment SET approved_at = NULL, status = 'ready'",
    "delete the payment": "DELETE FROM payments_payment",
    "delete the batch": "DELETE FROM payments_paymentbatch",
    "change the evidence": "UPDATE payments_paymentevidence SET content = '{}'",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_approved_payment_is_frozen_against_raw_sql(worked: Scene, cast, attack):
    batch = worked.approved()
    before = list(Payment.objects.values()), payment_of(batch, cast.driver).lines.count()
    other = cast.other_driver.pk
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            cursor.execute(ATTACKS[attack], {"other": other})
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.errors.CheckViolation)
    assert cause.diag.constraint_name in ("payment_frozen", "append_only")
    after = list(Payment.objects.values()), payment_of(batch, cast.driver).lines.count()
    assert after == before


def test_evidence_outlives_what_it_was_taken_from(worked: Scene, cast):
    batch = worked.approved()
    evidence = PaymentEvidence.objects.get(payment__batch=batch).content
    assert evidence["shifts"][0]["metrics"]["worked_s"] == 3600
    assert [e["kind"] for e in evidence["entries"]] == ["fare", "cash_collected"]
    terms = evidence["terms"][0]
    assert (terms["rent_amount"], terms["components"][0]["rule"]) == ("100.0000", "income_share")
    assert evidence["policy"]["deduction_cap_pct"] == 30


def test_terms_with_paid_days_cannot_end_before_them(worked: Scene, cast):
    from payments.errors import TermsUsed

    worked.approved()
    terms = cast.driver.terms.get()
    with pytest.raises(TermsUsed):
        services.end_terms(terms, actor=worked.owner, valid_to=MONDAY + timedelta(days=6))
    assert services.end_terms(terms, actor=worked.owner, valid_to=MONDAY + timedelta(days=7))


# --- In pieces, and at once ----------------------------------------------------------------------
def test_booking_in_chunks_of_one_books_each_payment_once(worked: Scene, cast):
    for number in range(3):
        driver = cast.new_driver(f"More{number}")
        worked.terms(driver)
        worked.shift(driver)
    batch = services.approve_batch(worked.calculated(), actor=worked.owner)
    posting.run(batch.pk, chunk=1)
    posting.run(batch.pk, chunk=1)
    assert Payment.objects.filter(batch=batch, status="approved").count() == 4
    assert Entry.objects.count() == 4


@pytest.mark.usefixtures("committed_db")
def test_of_32_parallel_approvals_one_wins(cast):
    scene = Scene(cast)
    scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    actors = [scene.owner, Actor("user", cast.manager.pk, cast.a.pk)] * 16
    barrier = threading.Barrier(len(actors))
    won, lost = [], []

    def approve(actor: Actor) -> None:
        barrier.wait()
        try:
            services.approve_batch(batch, actor=actor)
            won.append(str(actor))
        except IllegalMove as error:
            lost.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=approve, args=[actor]) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), lost) == (1, ["illegal_move"] * 31)
    batch.refresh_from_db()
    assert batch.approved_by == won[0]
    assert batch.events.filter(to_state="approved").count() == 1


# --- Held and dropped ----------------------------------------------------------------------------
def test_held_payment_is_left_out_and_can_be_dropped_for_the_next_batch(worked: Scene, cast):
    worked.terms(cast.other_driver)
    worked.shift(cast.other_driver)
    batch = worked.calculated()
    services.hold_payment(payment_of(batch, cast.driver), actor=worked.accountant, reason="ask")
    batch = worked.approve(batch)
    held = payment_of(batch, cast.driver)
    assert held.status == "held"
    dropped = services.drop_payment(held, actor=worked.owner, reason="next week")
    assert dropped.status == "cancelled"
    assert not held.claims.exists()
    assert cast.driver.adjustments.get().status == "approved"


# --- A fresh second factor -----------------------------------------------------------------------
def test_money_is_approved_with_a_fresh_second_factor_only(worked, cast, settings):
    batch = worked.calculated()
    asked = services.request_adjustment(
        cast.driver,
        actor=worked.accountant,
        kind="bonus",
        amount=D("5"),
        due_on=MONDAY,
        reason="because",
    )
    proposed = funding(worked, settings, active=False)
    fleet_services.change_policy(
        cast.a, actor=cast.actor(), values={"approval_second_factor": True}
    )
    now = clock.now()
    never, stale, fresh = (
        replace(worked.owner, second_factor_at=shown)
        for shown in (None, now - timedelta(minutes=5), now - timedelta(minutes=4))
    )
    calls = (
        (services.approve_batch, batch),
        (services.activate_funding_account, proposed),
        (services.approve_adjustment, asked),
    )
    for service, row in calls:
        for actor in (never, stale):
            with pytest.raises(FreshSecondFactorRequired):
                service(row, actor=actor, at=now)
        row.refresh_from_db()
        assert row.status in ("in_review", "proposed", "requested")
    for service, row in calls:
        assert service(row, actor=fresh, at=now).status in ("approved", "active")


def test_staff_who_set_a_payout_account_show_it_too_and_the_driver_need_not(cast):
    fleet_services.change_policy(
        cast.a, actor=cast.actor(), values={"approval_second_factor": True}
    )
    account = {
        "kind": "iban",
        "details": {"iban": "DE89370400440532013000"},
        "holder_name": "Dora",
    }
    with pytest.raises(FreshSecondFactorRequired):
        set_payout_account(cast.driver, actor=cast.actor(), **account)
    own = Actor("user", cast.driver.user_id, cast.a.pk)
    assert set_payout_account(cast.driver, actor=own, **account).pk


def rows_visited(plan: dict) -> float:
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return own * plan["Actual Loops"] + sum(map(rows_visited, plan.get("Plans", [])))


def test_approving_many_costs_each_payment_once_before_the_database_counted_them(
    scene: Scene, cast
):
    """A batch is approved minutes after its rows came: what was analyzed last held none of them."""
    week_before = MONDAY - timedelta(days=7)
    scene.payable(cast.new_driver("First"), week_before)
    scene.calculated(week_before)
    with connection.cursor() as cursor:
        for table in (
            "payments_payment",
            "payments_paymentclaim",
            "shifts_shift",
            "shifts_shiftmetrics",
            "shifts_platformentry",
        ):
            cursor.execute(f"ANALYZE {table}")
    drivers = 300
    many_drivers(scene, drivers)
    batch = scene.calculated()
    assert batch.drivers == drivers
    with connection.cursor() as cursor:
        cursor.execute(approval.BY_KEY)
        cursor.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {approval.CHANGED}",
            {"batch": batch.pk, "calculation": batch.calculation},
        )
        [[plan]] = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    assert drivers <= rows_visited(plan[0]["Plan"]) < 30 * drivers
    services.approve_batch(batch, actor=scene.owner)
