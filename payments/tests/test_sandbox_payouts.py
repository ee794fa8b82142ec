"""A company for tests is paid from the sandbox bank, with outcomes that a name decides."""

from datetime import timedelta
from decimal import Decimal

import pytest

from drivers import services as driver_services
from drivers.models import Driver
from fleets.models import User
from fleets.services import api_clients
from fleets.services.sandboxes import domain_of, open_sandbox
from payments import services
from payments.errors import SandboxBankOnly
from payments.gateways import gateway_of
from payments.models import FundingAccount, PayGroup, PaymentBatch, Payout, PayPlanVersion
from payments.services import calculation, handover, payouts, posting
from payments.services.payouts import ask_banks
from payments.tests.bank import TOKEN
from voltop import clock
from voltop.context import Actor
from voltop.tests.listeners import connections_seen

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


@pytest.fixture
def opened(cast, bank, settings):
    settings.SANDBOX_BANK_URL, settings.SANDBOX_BANK_TOKEN = bank.url, TOKEN
    client, _secret = api_clients.create_client(
        cast.a, actor=cast.actor(), name="erp", wanted=["payments:read"]
    )
    return open_sandbox(client, actor=cast.actor())


def person(opened, role: str) -> Actor:
    [login] = [one.login for one in opened.people if one.role == role]
    return Actor("user", User.objects.get(email=login).pk, opened.company.pk)


def paid(opened) -> PaymentBatch:
    """Last week's batch: asked for by one person, approved by the other, sent to the bank."""
    group = PayGroup.objects.for_provider(opened.company.pk).get()
    asking, deciding = person(opened, "accountant"), person(opened, "owner")
    batch = services.open_batch(
        group,
        actor=asking,
        period_starts_on=group.anchor_on,
        period_ends_on=group.anchor_on + WEEK,
    )
    calculation.run(services.calculate_batch(batch, actor=asking).pk)
    posting.run(services.approve_batch(batch, actor=deciding).pk)
    handover.run(services.pay_batch(batch, actor=asking).pk)
    for payout in Payout.objects.filter(payment__batch=batch).order_by("pk"):
        payouts.attempt(payout.pk)
    batch.refresh_from_db()
    return batch


def outcomes(batch: PaymentBatch) -> dict[str, str]:
    rows = Payout.objects.filter(payment__batch=batch)
    return dict(rows.values_list("payout_account__holder_name", "status"))


def test_the_name_of_the_holder_decides_what_becomes_of_a_payout(opened):
    driver = driver_services.invite_driver(
        opened.company,
        actor=person(opened, "owner"),
        given_name="Uma",
        family_name="Late",
        email=f"uma@{domain_of(opened.company)}",
    )
    give_account(driver, "Uma UNANSWERED", person(opened, "owner"))
    group = PayGroup.objects.for_provider(opened.company.pk).get()
    services.offer_signed_terms(
        driver,
        actor=person(opened, "owner"),
        evidence="paper",
        pay_group=group,
        plan_version=PayPlanVersion.objects.for_provider(opened.company.pk).get(),
        valid_from=group.anchor_on,
    )
    bonus = services.request_adjustment(
        driver,
        actor=person(opened, "accountant"),
        kind="bonus",
        amount=Decimal(100),
        due_on=group.anchor_on,
        reason="late",
    )
    services.approve_adjustment(bonus, actor=person(opened, "owner"))
    batch = paid(opened)
    assert outcomes(batch) == {
        "Ana Settled": "confirmed",
        "Raul Refused": "failed",
        "Rita Returned": "returned",
        "Uma UNANSWERED": "unknown",
    }
    assert ask_banks(at=clock.now() + timedelta(minutes=5)) == 1
    assert outcomes(batch)["Uma UNANSWERED"] == "confirmed"


def give_account(driver: Driver, holder: str, actor: Actor) -> None:
    driver_services.set_payout_account(
        driver,
        actor=actor,
        kind="clabe",
        details={"clabe": "002180000000000041"},
        holder_name=holder,
    )


def test_no_other_bank_is_ever_called(opened, settings, cast):
    """Neither proposed by its people, nor when a row says so all the same."""
    settings.OUTBOUND_ALLOWED = ["bank.example:443"]
    with pytest.raises(SandboxBankOnly):
        services.propose_funding_account(
            opened.company,
            actor=person(opened, "accountant"),
            name="Real bank",
            endpoint="https://bank.example",
            secret="a real token",
        )
    FundingAccount.objects.for_provider(opened.company.pk).update(endpoint="https://bank.example")
    account = FundingAccount.objects.for_provider(opened.company.pk).get()
    with connections_seen() as seen, pytest.raises(SandboxBankOnly):
        gateway_of(account)
    assert not [address for address in seen if address[1] == 443]
    real = services.propose_funding_account(
        cast.a, actor=cast.actor(), name="Real", endpoint="https://bank.example", secret="token"
    )
    assert gateway_of(real)


def test_without_a_sandbox_bank_it_pays_from_nowhere(cast, settings):
    settings.SANDBOX_BANK_URL = ""
    client, _secret = api_clients.create_client(
        cast.a, actor=cast.actor(), name="erp", wanted=["payments:read"]
    )
    company = open_sandbox(client, actor=cast.actor()).company
    assert not FundingAccount.objects.for_provider(company.pk).exists()
