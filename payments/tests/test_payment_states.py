"""Every (state, move) pair of batches, payments, payouts and the rest, through the services.

The expected results stand here and are not read from the code.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest

from fleets.models import Notice
from payments import services
from payments.errors import CalculationRunning, UnsettledPayments
from payments.gateways import Answer, Outcome
from payments.models import Adjustment, Payment, PaymentBatch, Payout
from payments.services import handover, payouts
from payments.tests.scene import NOW, Scene, payment_of
from voltop.errors import IllegalMove, ReasonRequired
from voltop.tests.undoing import undone

SETTLED = Outcome(Answer.SETTLED, "SB-1")
REFUSED = Outcome(Answer.REFUSED, "SB-1", "account_closed")
RETURNED = Outcome(Answer.RETURNED, "SB-1", "account_closed")
UNKNOWN = Outcome(Answer.UNKNOWN, reason="timeout")


@pytest.fixture
def money(scene: Scene, settings) -> Scene:
    """The driver is payable, the bank is never called here: outcomes are handed in."""
    settings.OUTBOUND_ALLOWED = ["bank.example:443"]
    scene.funding = scene.funding_account("https://bank.example")
    scene.payable(scene.cast.driver)
    assert scene.owner != scene.accountant  # both are there before the first try
    return scene


# --- Batches -------------------------------------------------------------------------------------
def batch_in(scene: Scene, state: str) -> PaymentBatch:
    if state == "draft":
        return scene.draft()
    if state == "calculating":
        return scene.calculating()
    if state == "cancelled":
        return services.cancel_batch(scene.draft(), actor=scene.owner, reason="x")
    if state == "in_review":
        return scene.calculated()
    batch = scene.approved()
    if state == "approved":
        return batch
    services.pay_batch(batch, actor=scene.accountant)
    handover.run(batch.pk)
    if state != "paying":
        payout = Payout.objects.get()
        payouts._begin(payout.pk)
        payouts.record(payout.pk, REFUSED if state == "partly_paid" else SETTLED)
        payouts.settle_batch(batch.pk)
    batch.refresh_from_db()
    if state == "closed":
        batch = services.close_batch(batch, actor=scene.accountant)
    return batch


BATCH_MOVES: dict[str, Callable[..., PaymentBatch]] = {
    "calculate": lambda s, b: services.calculate_batch(b, actor=s.accountant, at=NOW),
    "cancel": lambda s, b: services.cancel_batch(b, actor=s.accountant, reason="wrong"),
    "approve": lambda s, b: services.approve_batch(b, actor=s.owner),
    "pay": lambda s, b: services.pay_batch(b, actor=s.accountant),
    "close": lambda s, b: services.close_batch(b, actor=s.accountant),
}
BATCH_TABLE: dict[str, dict[str, str]] = {
    "draft": {"calculate": "calculating", "cancel": "cancelled"},
    "calculating": {},
    "in_review": {"calculate": "calculating", "cancel": "cancelled", "approve": "approved"},
    "approved": {"pay": "paying"},
    "paying": {},
    "partly_paid": {},
    "paid": {"close": "closed"},
    "closed": {},
    "cancelled": {},
}


@pytest.mark.parametrize("state", BATCH_TABLE)
def test_batch_moves_as_the_table_says(money: Scene, state: str):
    made = batch_in(money, state)
    for move in BATCH_MOVES:
        with undone():
            batch_moves(money, PaymentBatch.objects.get(pk=made.pk), state, move)


def batch_moves(money: Scene, batch: PaymentBatch, state: str, move: str) -> None:
    assert batch.status == state
    events = batch.events.count()
    expected = BATCH_TABLE[state].get(move)
    if expected is None:
        with pytest.raises((IllegalMove, CalculationRunning)):
            BATCH_MOVES[move](money, batch)
        assert PaymentBatch.objects.get(pk=batch.pk).status == state
        assert batch.events.count() == events
        return
    assert BATCH_MOVES[move](money, batch).status == expected
    event = batch.events.last()
    assert (event.from_state, event.to_state) == (state, expected)


def test_batch_with_a_returned_payment_is_not_closed(money: Scene):
    batch = batch_in(money, "paid")
    payouts.record(Payout.objects.get().pk, RETURNED)
    with pytest.raises(UnsettledPayments) as caught:
        services.close_batch(batch, actor=money.accountant)
    assert caught.value.extra == {"returned": 1}


def test_cancelling_needs_a_reason(money: Scene):
    with pytest.raises(ReasonRequired):
        services.cancel_batch(money.draft(), actor=money.owner, reason=" ")


# --- Payments ------------------------------------------------------------------------------------
def payment_in(scene: Scene, state: str) -> Payment:
    driver = scene.cast.driver
    if state == "exception":
        scene.shift(driver, start_hour=18, hours="1", measured=False)
    if state == "carried":
        scene.entry(driver, "cash_collected", "480")
    batch = {
        "cancelled": "in_review",
        "exception": "in_review",
        "ready": "in_review",
        "held": "in_review",
        "approved": "approved",
        "carried": "approved",
        "paid": "paid",
        "failed": "partly_paid",
        "returned": "paid",
    }[state]
    made = batch_in(scene, batch)
    payment = payment_of(made, driver)
    if state == "held":
        payment = services.hold_payment(payment, actor=scene.accountant, reason="look")
    if state == "cancelled":
        services.cancel_batch(made, actor=scene.accountant, reason="wrong")
    if state == "returned":
        payouts.record(Payout.objects.get().pk, RETURNED)
    payment.refresh_from_db()
    return payment


PAYMENT_MOVES: dict[str, Callable[..., object]] = {
    "hold": lambda s, p: services.hold_payment(p, actor=s.accountant, reason="look"),
    "release": lambda s, p: services.release_payment(p, actor=s.accountant),
    "drop": lambda s, p: services.drop_payment(p, actor=s.accountant, reason="next week"),
    "reissue": lambda s, p: services.reissue_payment(p, actor=s.accountant, reason="again"),
}
PAYMENT_TABLE: dict[str, dict[str, str]] = {
    "ready": {"hold": "held"},
    "exception": {},
    "held": {"release": "ready", "drop": "cancelled"},
    "approved": {},
    "paid": {},
    "failed": {"reissue": "approved"},
    "returned": {"reissue": "approved"},
    "carried": {},
    "cancelled": {},
}


@pytest.mark.parametrize("state", PAYMENT_TABLE)
def test_payment_moves_as_the_table_says(money: Scene, state: str):
    made = payment_in(money, state)
    for move in PAYMENT_MOVES:
        with undone():
            payment_moves(money, Payment.objects.get(pk=made.pk), state, move)


def payment_moves(money: Scene, payment: Payment, state: str, move: str) -> None:
    assert payment.status == state
    expected = PAYMENT_TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            PAYMENT_MOVES[move](money, payment)
        assert Payment.objects.get(pk=payment.pk).status == state
        return
    PAYMENT_MOVES[move](money, payment)
    assert Payment.objects.get(pk=payment.pk).status == expected
    assert payment.events.last().to_state == expected


@pytest.mark.parametrize("move", ["hold", "drop"])
def test_taking_a_payment_out_needs_a_reason(money: Scene, move: str):
    payment = payment_in(money, "held" if move == "drop" else "ready")
    service = {"hold": services.hold_payment, "drop": services.drop_payment}[move]
    with pytest.raises(ReasonRequired):
        service(payment, actor=money.accountant, reason="")


# --- Payouts -------------------------------------------------------------------------------------
def payout_in(scene: Scene, state: str) -> Payout:
    if state == "held":
        scene.cast.driver.payout_accounts.update(retired_at=NOW)
    batch = scene.approved()
    services.pay_batch(batch, actor=scene.accountant)
    handover.run(batch.pk)
    payout = Payout.objects.get()
    steps = {
        "created": [],
        "held": [],
        "submitted": ["begin"],
        "unknown": ["begin", UNKNOWN],
        "confirmed": ["begin", SETTLED],
        "failed": ["begin", REFUSED],
        "returned": ["begin", SETTLED, RETURNED],
    }[state]
    for step in steps:
        if step == "begin":
            payouts._begin(payout.pk)
        else:
            payouts.record(payout.pk, step)
    payout.refresh_from_db()
    assert payout.status == state
    return payout


ANSWERS = {"settled": SETTLED, "refused": REFUSED, "returned": RETURNED, "unknown": UNKNOWN}
PAYOUT_TABLE: dict[str, dict[str, str]] = {
    "created": {},
    "held": {},
    "submitted": {
        "settled": "confirmed",
        "refused": "failed",
        "returned": "returned",
        "unknown": "unknown",
    },
    "unknown": {"settled": "confirmed", "refused": "failed", "returned": "returned"},
    "confirmed": {"returned": "returned"},
    "failed": {},
    "returned": {},
}


TOLD = {
    "confirmed": ["payments.paid"],
    "failed": ["payments.not_paid"],
    "returned": ["payments.paid", "payments.not_paid"],
}


def told_of(payout: Payout) -> list[str]:
    """The notices that the driver got of this payout."""
    own = Notice.objects.filter(user=payout.payment.driver.user, about_id=payout.pk).order_by("id")
    return list(own.values_list("kind", flat=True))


@pytest.mark.parametrize("state", PAYOUT_TABLE)
def test_payout_takes_the_banks_word_as_the_table_says(money: Scene, state: str):
    made = payout_in(money, state)
    for answer in ANSWERS:
        with undone():
            takes_the_banks_word(money, Payout.objects.get(pk=made.pk), state, answer)


def takes_the_banks_word(money: Scene, payout: Payout, state: str, answer: str) -> None:
    expected = PAYOUT_TABLE[state].get(answer, state)
    assert payouts.record(payout.pk, ANSWERS[answer]) == expected
    payout.refresh_from_db()
    assert payout.status == expected
    # said again, nothing changes
    entries = money.entries_of(payout)
    payouts.record(payout.pk, ANSWERS[answer])
    assert money.entries_of(payout) == entries
    assert told_of(payout) == TOLD.get(expected, [])


# --- Adjustments, terms, accounts to pay from ----------------------------------------------------
def adjustment_in(scene: Scene, state: str):
    scene.terms_once()
    asked = services.request_adjustment(
        scene.cast.driver,
        actor=scene.accountant,
        kind="bonus",
        amount=Decimal("5"),
        due_on=NOW.date().replace(day=2),
        reason="good",
        at=NOW,
    )
    if state in ("approved", "applied"):
        services.approve_adjustment(asked, actor=scene.owner, at=NOW)
    if state == "rejected":
        services.reject_adjustment(asked, actor=scene.owner, reason="no", at=NOW)
    if state == "applied":
        scene.approved()
    asked.refresh_from_db()
    assert asked.status == state
    return asked


ADJUSTMENT_MOVES: dict[str, Callable[..., object]] = {
    "approve": lambda s, a: services.approve_adjustment(a, actor=s.owner),
    "reject": lambda s, a: services.reject_adjustment(a, actor=s.owner, reason="no"),
}
ADJUSTMENT_TABLE: dict[str, dict[str, str]] = {
    "requested": {"approve": "approved", "reject": "rejected"},
    "approved": {},
    "rejected": {},
    "applied": {},
}


@pytest.mark.parametrize("state", ADJUSTMENT_TABLE)
def test_adjustment_moves_as_the_table_says(scene: Scene, state: str):
    made = adjustment_in(scene, state)
    assert scene.owner != scene.accountant
    for move in ADJUSTMENT_MOVES:
        with undone():
            adjustment_moves(scene, Adjustment.objects.get(pk=made.pk), state, move)


def adjustment_moves(scene: Scene, adjustment: Adjustment, state: str, move: str) -> None:
    expected = ADJUSTMENT_TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            ADJUSTMENT_MOVES[move](scene, adjustment)
        expected = state
    else:
        ADJUSTMENT_MOVES[move](scene, adjustment)
    adjustment.refresh_from_db()
    assert adjustment.status == expected


FUNDING_TABLE: dict[str, dict[str, str]] = {
    "proposed": {"activate": "active", "retire": "retired"},
    "active": {"retire": "retired"},
    "retired": {},
}
FUNDING_MOVES: dict[str, Callable[..., object]] = {
    "activate": lambda s, a: services.activate_funding_account(a, actor=s.owner),
    "retire": lambda s, a: services.retire_funding_account(a, actor=s.owner),
}


@pytest.mark.parametrize("state", FUNDING_TABLE)
@pytest.mark.parametrize("move", FUNDING_MOVES)
def test_funding_account_moves_as_the_table_says(scene: Scene, settings, state: str, move: str):
    settings.OUTBOUND_ALLOWED = ["bank.example:443"]
    account = services.propose_funding_account(
        scene.cast.a, actor=scene.accountant, name="Bank", endpoint="https://bank.example",
        secret="s",
    )  # fmt: skip
    if state != "proposed":
        account = services.activate_funding_account(account, actor=scene.owner)
    if state == "retired":
        account = services.retire_funding_account(account, actor=scene.owner)
    expected = FUNDING_TABLE[state].get(move)
    if expected is None:
        with pytest.raises(IllegalMove):
            FUNDING_MOVES[move](scene, account)
        expected = state
    else:
        FUNDING_MOVES[move](scene, account)
    account.refresh_from_db()
    assert account.status == expected
