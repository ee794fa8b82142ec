"""Payments through the API: the whole road of a batch, a driver's own view, and what lists cost."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments import services
from payments.models import Payment, PaymentBatch, Payout
from payments.services import calculation, handover, posting, reconciliation
from payments.tests.scene import COMPONENTS, MONDAY, NEXT_MONDAY, NOW, WEEK, Scene, payment_of
from payments.tests.test_payouts import deliver
from voltop import jobs

V1 = "/api/v1"
KEYS = iter(range(1, 10_000))


def post(client, path: str, body: dict | None = None, status: int = 200, key: str | None = None):
    """POST with an Idempotency-Key; the JSON of an answer with that status."""
    headers = {"Idempotency-Key": key or f"key-{next(KEYS)}"}
    answer = client.post(f"{V1}/{path}", body or {}, format="json", headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


def get(client, path: str, status: int = 200):
    answer = client.get(f"{V1}/{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def codes(problem: dict) -> set[str]:
    return {problem["code"], *(error["code"] for error in problem["errors"])}


def agree_and_work(scene: Scene, cast, office, boss, driver, bank) -> tuple[dict, dict]:
    """A plan, terms the driver accepts, a bank, a shift and a bonus; the group and the funding."""
    group = post(
        office, "pay-groups", {"name": "Week", "cadence": "weekly", "anchor_on": "2026-03-02"}, 201
    )
    plan = {"name": "Half", "effective_from": "2008-01-01", "components": COMPONENTS}
    version = post(office, "pay-plans", plan, 201)["versions"][0]
    offer = {
        "driver": cast.driver.pk,
        "pay_group": group["id"],
        "plan_version": version["id"],
        "valid_from": "2026-01-01",
        "rent": {"amount": "100", "currency": "MXN"},
        "rent_per": "week",
        "text": "Half of the fares.",
    }
    terms = post(office, "terms", offer, 201)
    assert terms["accepted_at"] is None
    assert post(driver, f"me/terms/{terms['id']}/accept")["accepted_how"] == "self"
    account = {"name": "Bank", "endpoint": bank.url, "secret": "sandbox-token"}
    funding = post(office, "funding-accounts", account, 201)
    assert "secret" not in funding
    assert post(boss, f"funding-accounts/{funding['id']}/activate")["status"] == "active"
    scene.give_account(cast.driver)
    scene.shift(cast.driver, km="0", fares={"fare": "1000", "cash_collected": "50"})
    bonus = {
        "driver": cast.driver.pk,
        "kind": "bonus",
        "amount": {"amount": "12.34", "currency": "MXN"},
        "due_on": "2026-03-02",
        "reason": "five stars",
    }
    asked = post(office, "adjustments", bonus, 201)
    post(boss, f"adjustments/{asked['id']}/approve")
    return group, funding


def test_the_whole_road_from_plan_to_money(scene: Scene, cast, api, bank):
    """What an integrator or the office does, call by call; workers are run by hand."""
    office, boss, driver = api(cast.accountant), api(cast.owner), api(cast.driver.user)
    group, funding = agree_and_work(scene, cast, office, boss, driver, bank)
    period = {"period_starts_on": "2026-03-02", "period_ends_on": "2026-03-09"}
    batch = post(office, "payment-batches", {"pay_group": group["id"], **period}, 201)
    path = f"payment-batches/{batch['id']}"
    job = post(office, f"{path}/calculate", status=202)
    assert (job["kind"], job["state"], job["total"]) == ("payments.calculate", "queued", 1)
    calculation.run(batch["id"])
    assert get(office, f"jobs/{job['id']}")["state"] == "done"
    shown = get(office, path)
    assert (shown["status"], shown["drivers"], shown["exceptions"]) == ("in_review", 1, 0)
    # share 500 + bonus 12.34 - rent 100 - cash 50
    assert shown["payable"] == {"amount": "362.34", "currency": "MXN"}
    assert post(office, f"{path}/approve", status=403)["code"] == "permission_denied"
    post(boss, f"{path}/approve", {"funding_account": funding["id"]}, 202)
    posting.run(batch["id"])
    post(office, f"{path}/pay", status=202)
    handover.run(batch["id"])
    deliver()
    assert get(office, path)["status"] == "paid"
    [payout] = get(office, f"payouts?batch={batch['id']}")["results"]
    assert (payout["status"], payout["amount"]["amount"]) == ("confirmed", "362.34")

    [own] = get(driver, "me/payments")["results"]
    assert (own["status"], own["payable"]["amount"]) == ("paid", "362.34")
    lines = get(driver, f"me/payments/{own['id']}")["lines"]
    assert {line["key"]: line["amount"]["amount"] for line in lines} == {
        "share": "500.00",
        "rent": "-100.00",
        "cash": "-50.00",
        "bonus": "12.34",
    }
    balance = get(driver, "me/balance")
    assert {name: money["amount"] for name, money in balance.items()} == {
        "owed": "0.00",
        "debt": "0.00",
        "under_way": "0.00",
    }
    statement = get(driver, "me/statement")["results"]
    assert statement[0]["kind"] == "payout_sent"
    assert sum(Decimal(line["amount"]["amount"]) for line in statement) == 0
    trial = get(office, "ledger/trial-balance")
    assert trial["sum"]["amount"] == "0.00"
    assert trial["entries"] == 3
    job = post(office, f"funding-accounts/{funding['id']}/reconcile", status=202)
    reconciliation.run_job(job["id"])
    assert get(office, f"jobs/{job['id']}")["result"]["missing"] == 0
    assert post(office, f"{path}/close")["status"] == "closed"


@pytest.mark.parametrize(
    "path", ["payment-batches", "adjustments", "adjustments/series", "payouts/1/release"]
)
def test_money_is_not_made_without_an_idempotency_key(cast, api, path):
    answer = api(cast.owner).post(f"{V1}/{path}", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


def test_batch_asked_for_twice_with_one_key_is_one_batch(scene: Scene, cast, api):
    client = api(cast.accountant)
    body = {
        "pay_group": scene.group.pk,
        "period_starts_on": "2026-03-02",
        "period_ends_on": "2026-03-09",
    }
    first = post(client, "payment-batches", body, 201, key="once")
    assert post(client, "payment-batches", body, 201, key="once") == first
    assert PaymentBatch.objects.count() == 1
    again = post(client, "payment-batches", body, 409)
    assert (again["code"], again["extra"]["batch"]) == ("batch_overlap", first["id"])


def test_terms_of_many_drivers_are_signed_in_one_request(scene: Scene, cast, api):
    rows = [
        {"driver": cast.driver.pk, "valid_from": "2008-05-01", "evidence": "contract 1"},
        {"driver": cast.other_driver.pk, "valid_from": "2007-05-01"},
        {"driver": cast.foreign_driver.pk, "valid_from": "2008-05-01"},
        {"driver": cast.driver.pk, "valid_from": "2008-05-01"},
        {"driver": "x", "valid_from": "2008-05-01"},
        {
            "driver": cast.other_driver.pk,
            "valid_from": "2008-05-01",
            "rent": {"amount": "5", "currency": "USD"},
            "rent_per": "day",
        },
    ]
    body = {"pay_group": scene.group.pk, "plan_version": scene.plan.pk, "rows": rows}
    answer = post(api(cast.accountant), "terms/bulk", body)
    assert (answer["created"], answer["refused"]) == (1, 5)
    assert [row["code"] for row in answer["results"]] == [
        "",
        "invalid_terms_period",
        "not_found",
        "terms_overlap",
        "invalid_number",
        "currency_mismatch",
    ]
    terms = cast.driver.terms.get()
    assert (answer["results"][0]["id"], terms.accepted_how) == (terms.pk, "paper")


def test_plan_with_a_mistake_says_where(cast, api):
    wrong = [{"key": "h", "rule": "hourly", "window": "week", "params": {"rate": "-1"}}]
    body = {"name": "x", "effective_from": "2026-01-01", "components": wrong}
    problem = post(api(cast.owner), "pay-plans", body, 400)
    assert problem["code"] == "invalid_component"
    assert problem["extra"]["parameter"] == "rate"
    assert problem["errors"][0]["field"] == "components.0"


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"amount": "1.001", "currency": "MXN"}, "too_many_decimals"),
        ({"amount": "1", "currency": "USD"}, "currency_mismatch"),
        ({"amount": "1", "currency": "XXX"}, "unknown_currency"),
        ({"amount": 1, "currency": "MXN"}, "amount_must_be_string"),
        ({"amount": "1e3", "currency": "MXN"}, "invalid_number"),
        ({"amount": "1_0", "currency": "MXN"}, "invalid_number"),
        ({"amount": "-5", "currency": "MXN"}, "adjustment_sign"),
        ({"amount": "0", "currency": "MXN"}, "amount_out_of_range"),
        ({"amount": "9999999999999999", "currency": "MXN"}, "amount_out_of_range"),
    ],
)
def test_amounts_are_money_in_the_companys_currency(cast, api, amount, code):
    body = {
        "driver": cast.driver.pk,
        "kind": "bonus",
        "amount": amount,
        "due_on": "2026-03-02",
        "reason": "x",
    }
    assert code in codes(post(api(cast.owner), "adjustments", body, 400))


def test_instalments_are_listed_with_their_series(cast, api):
    body = {
        "driver": cast.driver.pk,
        "kind": "damage",
        "total": {"amount": "100", "currency": "MXN"},
        "occurrences": 3,
        "first_due_on": "2026-03-02",
        "every_days": 7,
        "reason": "mirror",
    }
    made = post(api(cast.owner), "adjustments/series", body, 201)["adjustments"]
    assert [row["amount"]["amount"] for row in made] == ["-33.34", "-33.33", "-33.33"]
    assert [row["due_on"] for row in made] == ["2026-03-02", "2026-03-09", "2026-03-16"]


def test_review_moves_through_the_api(scene: Scene, cast, api):
    scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    payment = payment_of(batch, cast.driver)
    client = api(cast.accountant)
    assert post(client, f"payments/{payment.pk}/hold", {"reason": "ask"})["status"] == "held"
    assert post(client, f"payments/{payment.pk}/hold", {"reason": "ask"}, 409)
    assert post(client, f"payments/{payment.pk}/release")["status"] == "ready"
    post(client, f"payments/{payment.pk}/hold", {"reason": "ask"})
    dropped = post(client, f"payments/{payment.pk}/drop", {"reason": "later"})
    assert dropped["status"] == "cancelled"
    timeline = get(client, f"payment-batches/{batch.pk}/events")["results"]
    assert [event["to_state"] for event in timeline] == ["draft", "calculating", "in_review"]
    assert post(client, f"payment-batches/{batch.pk}/cancel", {"reason": "x"})["status"] == (
        "cancelled"
    )


def test_driver_disputes_a_line_of_an_approved_payslip(scene: Scene, cast, api):
    scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    line = payment_of(batch, cast.driver).lines.last()
    driver = api(cast.driver.user)
    about = {
        "topic": "pay",
        "about_type": "payments.paymentline",
        "about_id": line.pk,
        "body": "I drove longer.",
        "client_id": "01920000-0000-7000-8000-000000000001",
    }
    assert codes(post(driver, "me/conversations", about, 400)) & {"unknown_subject"}
    scene.approve(batch)
    opened = post(driver, "me/conversations", about, 201)
    assert (opened["about_type"], opened["about_id"]) == ("payments.paymentline", line.pk)
    stranger = api(cast.other_driver.user)
    assert codes(post(stranger, "me/conversations", about, 400)) & {"unknown_subject"}


def test_driver_sees_nothing_before_the_approval(scene: Scene, cast, api):
    scene.terms(cast.driver)
    scene.shift(cast.driver)
    batch = scene.calculated()
    driver = api(cast.driver.user)
    assert get(driver, "me/payments")["results"] == []
    get(driver, f"me/payments/{payment_of(batch, cast.driver).pk}", 404)
    get(driver, "payments", 403)


# --- What lists cost -----------------------------------------------------------------------------
LISTS = {
    "pay-groups": 3,
    "pay-plans": 5,
    "terms": 3,
    "adjustments": 3,
    "payment-batches": 3,
    "payments": 3,
    "payment-lines": 3,
    "funding-accounts": 3,
    "payouts": 3,
    "bank-movements": 3,
    "ledger/accounts": 3,
    "ledger/entries": 4,
}


@pytest.fixture
def busy(scene: Scene, bank) -> Scene:
    """Three drivers, two weeks, all paid."""
    scene.funding = scene.funding_account(bank.url)
    for number in range(3):
        driver = scene.cast.new_driver(f"Busy{number}")
        scene.payable(driver)
        scene.shift(driver, NEXT_MONDAY)
        scene.adjustment(driver, "bonus", "1")
    for week in range(2):
        batch = scene.approved(MONDAY + week * WEEK, at=NOW + week * WEEK)
        services.pay_batch(batch, actor=scene.accountant)
        handover.run(batch.pk)
    deliver()
    reconciliation.reconcile(scene.funding)
    return scene


def test_a_list_takes_the_same_queries_however_long(busy: Scene, api, django_assert_num_queries):
    client = api(busy.cast.owner)
    assert Payment.objects.count() == Payout.objects.count() == 6
    for path, expected in LISTS.items():
        with django_assert_num_queries(expected, info=path):
            rows = get(client, path)["results"]
        assert rows, path


def test_a_payslip_takes_few_queries(busy: Scene, api, django_assert_num_queries):
    client = api(busy.cast.owner)
    payment = Payment.objects.first()
    with django_assert_num_queries(4):
        assert get(client, f"payments/{payment.pk}")["lines"]


def test_own_lists_take_few_queries(busy: Scene, api, django_assert_num_queries):
    payment = Payment.objects.select_related("driver__user").first()
    client = api(payment.driver.user)
    for path, expected in {"me/payments": 3, "me/statement": 3, "me/balance": 5}.items():
        with django_assert_num_queries(expected, info=path):
            get(client, path)


def test_calculating_many_takes_no_more_queries_than_few(scene: Scene):
    def queries(count: int, monday) -> int:
        for number in range(count):
            driver = scene.cast.new_driver(f"Q{monday.day}x{number}")
            scene.terms(driver)
            scene.shift(driver, monday, fares={"fare": "10"})
        batch = scene.calculating(monday, at=NOW + 2 * WEEK)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            calculation.run(batch.pk)
        assert jobs.Job.objects.get(pk=PaymentBatch.objects.get(pk=batch.pk).job_id).state == "done"
        return len(captured)

    assert queries(2, MONDAY) == queries(12, NEXT_MONDAY)
