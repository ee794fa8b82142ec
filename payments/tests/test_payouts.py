"""Payouts through a real bank process with its own book: each payment is paid once."""

import uuid
from decimal import Decimal

import pytest
import time_machine

from drivers import services as driver_services
from payments import services
from payments.errors import (
    FundingAccountNotActive,
    NoFundingAccount,
    NoPayoutAccount,
    NotPosted,
)
from payments.models import Account, FundingAccount, Payment, Payout
from payments.services import handover, ledger, payouts, posting
from payments.tests.bank import TOKEN, RunningBank
from payments.tests.scene import NEXT_MONDAY, NOW, WEEK, Scene, payment_of
from shifts.models import Shift
from voltop import outbox
from voltop.errors import IllegalMove
from voltop.events import Event
from voltop.jobs import Job

D = Decimal


@pytest.fixture
def funded(scene: Scene, bank: RunningBank) -> Scene:
    """The provider can pay through the bank; the driver has an account and 480 to get."""
    scene.funding = scene.funding_account(bank.url)
    scene.payable(scene.cast.driver)
    return scene


def deliver() -> None:
    """What the relay does with payouts: take what was emitted and attempt each."""
    due = outbox.OutboxMessage.objects.filter(sent_at=None, dead_at=None, payload__has_key="payout")
    for message in due:
        payouts.attempt(message.payload["payout"])
        outbox.OutboxMessage.objects.filter(pk=message.pk).update(sent_at=NOW)


def handed_over(scene: Scene):
    batch = services.pay_batch(scene.approved(), actor=scene.accountant)
    handover.run(batch.pk)
    batch.refresh_from_db()
    return batch


def balances(cast) -> dict[str, Decimal]:
    return {
        account.kind: ledger.balance(account)
        for account in Account.objects.filter(provider=cast.a)
        if account.kind in ("driver", "payout_clearing", "bank")
    }


def booked(bank: RunningBank, payout: Payout) -> list[str]:
    """What the bank's book holds under the payout's reference."""
    return [m["kind"] for m in bank.movements() if m["reference"] == payout.reference]


# --- The straight way ----------------------------------------------------------------------------
def test_payment_is_paid_and_every_account_clears(funded: Scene, cast, bank):
    batch = handed_over(funded)
    payout = Payout.objects.get()
    assert (batch.status, payout.status, payout.amount) == ("paying", "created", D("480"))
    assert balances(cast) == {"driver": 0, "payout_clearing": D("-480")}
    deliver()
    payout.refresh_from_db()
    batch.refresh_from_db()
    assert (payout.status, payment_of(batch, cast.driver).status) == ("confirmed", "paid")
    assert (batch.status, payout.bank_ref[:3]) == ("paid", "SB-")
    assert balances(cast) == {"driver": 0, "payout_clearing": 0, "bank": D("-480")}
    assert booked(bank, payout) == ["settled"]
    steps = list(payout.events.values_list("to_state", flat=True))
    assert steps == ["created", "submitted", "confirmed"]
    assert Job.objects.get(pk=batch.job_id).state == "done"
    told = Event.objects.filter(object_type__startswith="payment").order_by("id")
    assert [(event.kind, event.related) for event in told] == [
        ("payment_batch.approved", {}),
        ("payment.paid", {"driver": cast.driver.pk, "batch": batch.pk}),
    ]
    settled = Event.objects.filter(kind="shift.settled")
    assert [event.object_version for event in settled] == [Shift.objects.get().row_version]


def test_message_delivered_twice_pays_once(funded: Scene, bank):
    handed_over(funded)
    payout = Payout.objects.get()
    for _again in range(3):
        payouts.attempt(payout.pk)
    assert booked(bank, payout) == ["settled"]


def test_handing_over_twice_creates_no_second_payout(funded: Scene):
    batch = handed_over(funded)
    handover.run(batch.pk)
    assert Payout.objects.count() == 1
    assert outbox.OutboxMessage.objects.filter(payload__has_key="payout").count() == 1


def test_nothing_to_pay_out_ends_the_batch_at_once(funded: Scene, cast):
    funded.shift(
        cast.driver, NEXT_MONDAY, hours="1", km="0",
        fares={"fare": "200", "cash_collected": "200"},
    )  # fmt: skip
    funded.approved()
    batch = funded.approved(NEXT_MONDAY, at=NOW + WEEK)
    payment = payment_of(batch, cast.driver)
    assert (payment.status, payment.carried_amount) == ("carried", D("100"))
    services.pay_batch(batch, actor=funded.accountant)
    handover.run(batch.pk)
    assert payouts.settle_batch(batch.pk) == "paid"


# --- What a wire may do --------------------------------------------------------------------------
def test_refused_payout_fails_with_the_banks_own_reason(funded: Scene, cast, bank):
    bank.faults("refuse")
    batch = handed_over(funded)
    deliver()
    payout = Payout.objects.get()
    batch.refresh_from_db()
    assert (payout.status, payout.bank_reason) == ("failed", "account_closed")
    assert (payment_of(batch, cast.driver).status, batch.status) == ("failed", "partly_paid")
    assert balances(cast) == {"driver": D("-480"), "payout_clearing": 0}
    assert booked(bank, payout) == ["refused"]


def test_dropped_answer_is_unknown_and_then_asked_for(funded: Scene, cast, bank):
    bank.faults("drop")
    handed_over(funded)
    deliver()
    payout = Payout.objects.get()
    assert (payout.status, payout.asked) == ("unknown", 1)
    assert balances(cast)["payout_clearing"] == D("-480")
    before = bank.counters()["requests"]
    with time_machine.travel(payout.ask_at, tick=False):
        assert payouts.ask_banks() == 1
    payout.refresh_from_db()
    assert payout.status == "confirmed"
    assert bank.counters()["requests"] == before, "it was asked for, not sent again"
    assert booked(bank, payout) == ["settled"]


@pytest.mark.parametrize("seed", [0, 1])
def test_hanging_bank_pays_once_whether_it_booked_before_or_after(
    funded: Scene, bank, settings, seed
):
    settings.BANK_TIMEOUT_S = 1
    bank.faults("hang", hang_ms=1300, seed=seed)
    handed_over(funded)
    deliver()
    payout = Payout.objects.get()
    key = payout.key
    assert payout.status == "unknown"
    payouts.attempt(payout.pk)
    payout.refresh_from_db()
    assert (payout.status, payout.key) == ("confirmed", key)
    assert booked(bank, payout) == ["settled"]


def test_key_the_bank_never_saw_is_sent_again_under_the_same_key(funded: Scene, bank, settings):
    allowed, settings.OUTBOUND_ALLOWED = settings.OUTBOUND_ALLOWED, []
    handed_over(funded)
    deliver()
    payout = Payout.objects.get()
    key = payout.key
    assert (payout.status, payout.last_problem.split()[0]) == ("unknown", "url_not_allowed")
    assert booked(bank, payout) == []
    settings.OUTBOUND_ALLOWED = allowed
    payouts.attempt(payout.pk)
    payout.refresh_from_db()
    assert (payout.status, payout.key) == ("confirmed", key)
    assert booked(bank, payout) == ["settled"]


def test_answer_sent_twice_changes_nothing(funded: Scene, bank):
    bank.faults("twice")
    handed_over(funded)
    deliver()
    assert booked(bank, Payout.objects.get()) == ["settled"]


def test_unknown_payouts_are_asked_for_at_growing_intervals(funded: Scene, settings):
    settings.OUTBOUND_ALLOWED = []
    handed_over(funded)
    deliver()
    pauses = []
    for _round in range(3):
        payout = Payout.objects.get()
        with time_machine.travel(payout.ask_at, tick=False):
            payouts.ask_banks()
            later = Payout.objects.get()
            pauses.append((later.ask_at - payout.ask_at).total_seconds())
    assert pauses == [4, 8, 16]
    assert Payout.objects.get().events.filter(to_state="unknown").count() == 1


def test_answer_about_another_payout_is_no_answer(funded: Scene, monkeypatch):
    from payments.gateways import http as gateway
    from voltop.http import Response

    handed_over(funded)
    payout = Payout.objects.get()
    body = {
        "key": str(uuid.uuid4()),
        "amount": "480.00",
        "currency": "MXN",
        "status": "settled",
        "bank_ref": "SB-1",
        "reason": "",
    }

    def answer(*_args, **_kwargs):
        import json

        return Response(201, {}, json.dumps(body).encode(), False)

    monkeypatch.setattr(gateway.http, "post_json", answer)
    monkeypatch.setattr(gateway.http, "get_json", answer)
    payouts.attempt(payout.pk)
    payout.refresh_from_db()
    assert (payout.status, payout.last_problem) == ("unknown", "answer of another request")
    body |= {"key": str(payout.key), "amount": "480.01"}
    payouts.attempt(payout.pk)
    payout.refresh_from_db()
    assert payout.status == "unknown"


# --- Accounts and holds --------------------------------------------------------------------------
def test_payout_without_an_account_is_held_until_there_is_one(funded: Scene, cast, bank):
    funded.terms(cast.other_driver)
    funded.shift(cast.other_driver)
    batch = handed_over(funded)
    deliver()
    held = Payout.objects.get(payment__driver=cast.other_driver)
    batch.refresh_from_db()
    assert (held.status, batch.status) == ("held", "partly_paid")
    assert held.events.last().reason == handover.NO_ACCOUNT
    with pytest.raises(NoPayoutAccount):
        services.release_payout(held, actor=funded.accountant)
    funded.give_account(cast.other_driver)
    services.release_payout(held, actor=funded.accountant)
    services.release_payout(held, actor=funded.accountant)
    deliver()
    held.refresh_from_db()
    batch.refresh_from_db()
    assert (held.status, batch.status) == ("confirmed", "paid")
    assert booked(bank, held) == ["settled"]
    assert balances(cast)["payout_clearing"] == 0


def test_new_account_on_hold_gets_no_money(funded: Scene, cast):
    driver_services.set_payout_account(
        cast.driver,
        actor=cast.actor(),
        kind="us",
        details={"routing": "021000021", "account": "99887766"},
        holder_name="Dora Driver",
    )
    handed_over(funded)
    payout = Payout.objects.get()
    assert payout.status == "held"
    with pytest.raises(NoPayoutAccount) as caught:
        services.release_payout(payout, actor=funded.accountant)
    assert caught.value.extra["hold_until"]


def test_only_held_payouts_are_released(funded: Scene):
    handed_over(funded)
    with pytest.raises(IllegalMove):
        services.release_payout(Payout.objects.get(), actor=funded.accountant)


# --- Sent anew only after a refusal or a return --------------------------------------------------
def test_refused_payment_is_reissued_under_a_new_key(funded: Scene, cast, bank):
    bank.faults("refuse")
    batch = handed_over(funded)
    deliver()
    payment = payment_of(batch, cast.driver)
    second = services.reissue_payment(payment, actor=funded.accountant, reason="new account")
    batch.refresh_from_db()
    assert batch.status == "paying"
    deliver()
    first = Payout.objects.exclude(pk=second.pk).get()
    second.refresh_from_db()
    batch.refresh_from_db()
    assert (first.status, second.status, batch.status) == ("failed", "confirmed", "paid")
    assert first.key != second.key
    assert first.reference == second.reference
    assert booked(bank, second) == ["refused", "settled"]
    assert balances(cast) == {"driver": 0, "payout_clearing": 0, "bank": D("-480")}


@pytest.mark.parametrize("state", ["created", "submitted", "unknown", "confirmed"])
def test_payment_under_way_or_paid_is_never_sent_anew(funded: Scene, cast, bank, state):
    batch = handed_over(funded)
    if state == "unknown":
        bank.faults("drop")
        deliver()
    elif state == "confirmed":
        deliver()
    elif state == "submitted":
        payouts._begin(Payout.objects.get().pk)
    assert Payout.objects.get().status == state
    with pytest.raises(IllegalMove):
        services.reissue_payment(
            payment_of(batch, cast.driver), actor=funded.accountant, reason="hurry"
        )
    assert Payout.objects.count() == 1


# --- When paying may begin -----------------------------------------------------------------------
def test_only_a_booked_batch_is_paid(funded: Scene):
    batch = services.approve_batch(funded.calculated(), actor=funded.owner)
    with pytest.raises(NotPosted):
        services.pay_batch(batch, actor=funded.accountant)
    posting.run(batch.pk)
    assert services.pay_batch(batch, actor=funded.accountant).status == "paying"
    with pytest.raises(IllegalMove):
        services.pay_batch(batch, actor=funded.accountant)


def test_paying_needs_one_active_account_or_a_named_one(funded: Scene, bank):
    batch = funded.approved()
    services.retire_funding_account(funded.funding, actor=funded.owner)
    with pytest.raises(NoFundingAccount):
        services.pay_batch(batch, actor=funded.accountant)
    with pytest.raises(FundingAccountNotActive):
        services.pay_batch(batch, actor=funded.accountant, funding_account=funded.funding)
    one = funded.funding_account(bank.url, "Second")
    funded.funding_account(bank.url, "Third")
    with pytest.raises(NoFundingAccount):
        services.pay_batch(batch, actor=funded.accountant)
    paid = services.pay_batch(batch, actor=funded.accountant, funding_account=one)
    assert paid.funding_account == one


def test_secret_of_a_paying_account_is_not_in_the_database(funded: Scene):
    account = FundingAccount.objects.get()
    assert TOKEN.encode() not in bytes(account.secret)


def test_payouts_are_fixed_before_they_are_sent(funded: Scene):
    from django.db import IntegrityError, transaction

    handed_over(funded)
    for changes in ({"key": uuid.uuid4()}, {"amount": D("1")}, {"reference": "other"}):
        with pytest.raises(IntegrityError, match="fixed before"), transaction.atomic():
            Payout.objects.update(**changes)
    deliver()
    with pytest.raises(IntegrityError, match="fixed before"), transaction.atomic():
        Payout.objects.update(payout_account=None)


def test_batch_is_closed_once_all_is_settled(funded: Scene):
    batch = handed_over(funded)
    deliver()
    batch.refresh_from_db()
    assert services.close_batch(batch, actor=funded.accountant).status == "closed"
    assert not Payment.objects.filter(batch=batch).exclude(status="paid").exists()
