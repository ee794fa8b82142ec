"""Companies for tests: filled, fresh at will, and never in touch with anything real."""

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client

from drivers import services as driver_services
from drivers.models import Driver, PayoutAccount
from fleets import limits, services
from fleets.errors import (
    ClientRevoked,
    NotASandbox,
    SandboxAddress,
    SandboxApart,
    SandboxExists,
    TooManyAttempts,
)
from fleets.models import ApiClient, AuditEntry, Depot, FleetProvider, Membership, User
from fleets.sandboxes import domain_of
from fleets.services import api_clients, auth, codes, notices, sandboxes, webhooks
from fleets.services.sandboxes import open_sandbox, reset_sandbox
from fleets.tests.test_api_clients import as_client, token_of
from payments.models import Adjustment, Terms
from reservations.models import Connector
from vehicles import services as vehicle_services
from vehicles.models import Assignment, Vehicle
from voltop import clock, outbox
from voltop.context import Actor
from voltop.errors import IllegalMove, NotFound
from voltop.home import figures_for, tasks_for
from voltop.tests.listeners import connections_seen

pytestmark = pytest.mark.django_db

TELLING = ("fleets.send_code", "notices.send")
SCOPES = ["drivers:read", "drivers:write", "fleets:read", "fleets.webhooks:write"]


@pytest.fixture
def client(cast) -> ApiClient:
    assert cast.vehicle_model
    made, _secret = api_clients.create_client(cast.a, actor=cast.actor(), name="erp", wanted=SCOPES)
    return made


@pytest.fixture
def opened(client, cast) -> sandboxes.Opened:
    return open_sandbox(client, actor=cast.actor())


def credentials(opened: sandboxes.Opened) -> dict[str, str]:
    return {"client_id": opened.client.client_id, "client_secret": opened.client_secret}


# --- What it is ----------------------------------------------------------------------------------
def test_a_client_gets_a_company_of_its_own_that_is_filled(opened, client, cast):
    company = opened.company
    assert (company.sandbox_of, company.status, company.name) == (client, "active", "erp (test 1)")
    assert (company.country, company.currency) == (cast.a.country, cast.a.currency)
    counts = {
        model._meta.model_name: model.objects.for_provider(company.pk).count()
        for model in (
            Depot,
            Driver,
            PayoutAccount,
            Vehicle,
            Assignment,
            Connector,
            Terms,
            Adjustment,
        )
    }
    assert counts == {
        "depot": 2,
        "driver": 3,
        "payoutaccount": 3,
        "vehicle": 3,
        "assignment": 3,
        "connector": 2,
        "terms": 3,
        "adjustment": 3,
    }
    assert set(Driver.objects.for_provider(company.pk).values_list("status", flat=True)) == {
        "active"
    }
    entry = AuditEntry.objects.get(action="api_client.sandbox_opened")
    assert (entry.provider, entry.changes) == (cast.a, {"company": [None, company.pk]})


@pytest.mark.parametrize("country", ["BR", "DE", "US"])
def test_it_is_filled_in_each_country(country, cast):
    money = {"BR": "BRL", "DE": "EUR", "US": "USD"}[country]
    real = services.create_provider(
        actor=cast.platform, name="There", country=country, currency=money, time_zone="UTC"
    )
    actor = Actor.system("tests", real.pk)
    made, _secret = api_clients.create_client(real, actor=actor, name="erp", wanted=SCOPES)
    company = open_sandbox(made, actor=actor).company
    assert PayoutAccount.objects.for_provider(company.pk).current().count() == 3


def test_its_credentials_open_it_and_nothing_else(opened, client, cast):
    program = as_client(credentials(opened))
    names = {row["family_name"] for row in program.get("drivers").json()["results"]}
    assert names == {"Settled", "Refused", "Returned"}
    assert cast.driver.pk
    assert program.get(f"drivers/{cast.driver.pk}").status_code == 404
    headers = {"X-Voltop-Provider": str(cast.a.pk)}
    assert program.get("drivers", **headers).status_code == 404
    for person in opened.people:
        pair = auth.log_in(
            login=person.login,
            password=person.password,
            address="127.0.0.1",
            device=auth.Device(),
        )
        assert pair.access_token
    held = Membership.objects.for_provider(opened.company.pk).values_list("role", flat=True)
    assert sorted(held) == ["accountant", "owner"]


def test_there_is_one_at_a_time_and_none_inside_another(opened, client, cast):
    with pytest.raises(SandboxExists):
        open_sandbox(client, actor=cast.actor())
    with pytest.raises(SandboxApart):
        open_sandbox(opened.client, actor=Actor.system("tests", opened.company.pk))
    with pytest.raises(NotFound):
        open_sandbox(client, actor=cast.actor(cast.b))


# --- Beginning anew ------------------------------------------------------------------------------
def test_a_reset_is_another_company_and_the_credentials_stay(opened, client, cast):
    old = opened.company
    program = as_client(credentials(opened))
    assert program.post("depots", {"name": "Mine"}).status_code == 403  # no scope for it
    answer = program.post("sandbox/reset")
    assert answer.status_code == 201, answer.content
    fresh = FleetProvider.objects.get(pk=answer.json()["id"])
    old.refresh_from_db()
    assert (old.status, fresh.status, fresh.name) == ("closed", "active", "erp (test 2)")
    assert answer.json()["mail_domain"] == domain_of(fresh)
    assert program.get("drivers").status_code == 401  # its token has ended
    [shown] = as_client(credentials(opened)).get("providers").json()["results"]
    assert (shown["id"], shown["is_sandbox"]) == (fresh.pk, True)
    owner = User.objects.get(email=opened.people[0].login)
    actor = Actor("user", owner.pk, fresh.pk)
    assert driver_services.suspend_driver(
        Driver.objects.for_provider(fresh.pk).first(), actor=actor, reason="try"
    )
    assert Driver.objects.for_provider(old.pk).count() == 3
    entry = AuditEntry.objects.get(action="api_client.sandbox_reset")
    assert (entry.provider, entry.changes) == (cast.a, {"company": [old.pk, fresh.pk]})
    with pytest.raises(IllegalMove):
        reset_sandbox(old, actor=cast.actor())


def test_what_is_real_is_never_reset(cast):
    with pytest.raises(NotASandbox):
        reset_sandbox(cast.a, actor=cast.actor())


def test_nobody_else_resets_it(opened, cast):
    with pytest.raises(NotFound):
        reset_sandbox(opened.company, actor=cast.actor(cast.b))


def test_resets_are_throttled(opened, cast):
    for _time in range(limits.SANDBOX_RESET.count - 1):  # opening it was the first
        limits.take(limits.SANDBOX_RESET, str(opened.company.sandbox_of_id), at=clock.now())
    with pytest.raises(TooManyAttempts):
        reset_sandbox(opened.company, actor=cast.actor())


def test_webhooks_of_a_company_that_was_reset_are_over(opened, settings, cast):
    settings.OUTBOUND_ALLOWED = ["hooks.example:443"]
    inside = Actor.system("tests", opened.company.pk)
    endpoint, _secret = webhooks.create_endpoint(
        opened.company, actor=inside, name="Hook", url="https://hooks.example/", kinds=["*"]
    )
    reset_sandbox(opened.company, actor=cast.actor())
    endpoint.refresh_from_db()
    assert endpoint.status == "retired"


# --- Its end -------------------------------------------------------------------------------------
def test_it_ends_with_the_client(opened, client, cast):
    api_clients.revoke_client(client, actor=cast.actor())
    opened.company.refresh_from_db()
    assert opened.company.status == "closed"
    assert token_of(credentials(opened)).status_code == 401
    client.refresh_from_db()
    with pytest.raises(ClientRevoked):
        open_sandbox(client, actor=cast.actor())


def test_it_ends_with_the_company_whose_client_it_is(opened, client, cast):
    services.suspend_provider(cast.a, actor=cast.platform, reason="gone")
    services.close_provider(cast.a, actor=cast.platform, reason="gone")
    opened.company.refresh_from_db()
    assert opened.company.status == "closed"


def test_closed_it_may_be_opened_anew(opened, client, cast):
    sandboxes.close_sandbox(client, actor=cast.actor())
    again = open_sandbox(client, actor=cast.actor())
    assert again.company.name == "erp (test 2)"
    assert token_of(credentials(opened)).status_code == 401
    with pytest.raises(NotFound):
        sandboxes.close_sandbox(client, actor=cast.actor(cast.b))


# --- Apart from what is real ---------------------------------------------------------------------
def test_nobody_real_is_ever_in_it(opened, cast):
    """Neither by name, nor by a membership; and nobody of it is let in elsewhere."""
    inside = Actor.system("tests", opened.company.pk)
    real = cast.owner.email
    for email in (real, "new@somewhere.example", ""):
        with pytest.raises(SandboxAddress):
            driver_services.invite_driver(
                opened.company,
                actor=inside,
                given_name="Ana",
                family_name="Real",
                email=email,
                phone="+525512345678",
            )
    with pytest.raises(SandboxAddress):
        services.invite_member(
            opened.company, actor=inside, email=real, full_name="Ana", role="viewer"
        )
    with pytest.raises(SandboxAddress):
        services.add_member(opened.company, cast.owner, actor=inside, role="viewer")
    fictional = opened.people[0].login
    with pytest.raises(SandboxAddress):
        services.invite_member(
            cast.a, actor=cast.actor(), email=fictional, full_name="Ana", role="viewer"
        )
    with pytest.raises(SandboxAddress):
        services.add_member(
            cast.a, User.objects.get(email=fictional), actor=cast.actor(), role="viewer"
        )


def test_a_telephone_is_no_log_in_there(opened, cast):
    driver = driver_services.invite_driver(
        opened.company,
        actor=Actor.system("tests", opened.company.pk),
        given_name="Ana",
        family_name="Phone",
        email=f"phone@{domain_of(opened.company)}",
        phone="+525512345678",
    )
    assert (driver.phone, driver.user.phone) == ("+525512345678", None)
    real = driver_services.invite_driver(
        cast.a, actor=cast.actor(), given_name="Ana", family_name="Real", phone="+525512345678"
    )
    assert real.user_id != driver.user_id


def test_no_message_leaves_it(opened, settings, cast):
    """E-mail, SMS and push alike: the door of all three does not open for its people."""
    settings.SMS_TRANSPORT = settings.PUSH_TRANSPORT = "fleets.messages.post_to_gateway"
    settings.MESSAGE_GATEWAYS = dict.fromkeys(("sms", "push"), ("https://gateway.example/", ""))
    owner = User.objects.get(email=opened.people[0].login)
    User.objects.filter(pk=owner.pk).update(email_verified_at=owner.created_at)
    owner.refresh_from_db()
    notices.choose(
        owner,
        actor=owner.actor(),
        values={"channels": ["email", "push"], "push_token": "a-real-telephone"},
    )
    with transaction.atomic():
        notice = notices.notify(
            owner,
            "fleets.new_device",
            {"device": "phone", "logged_in_at": clock.now().isoformat()},
            once="1",
        )
    codes.ask_for_code(
        login=owner.email, purpose="login", address="127.0.0.1", device=auth.Device()
    )
    messages = outbox.OutboxMessage.objects.filter(topic__in=TELLING)
    assert set(messages.values_list("topic", flat=True)) == set(TELLING)
    with connections_seen() as seen:
        for message in messages.order_by("id"):
            outbox._handlers[message.topic].deliver(outbox._delivery(message))
    assert not seen
    assert not mail.outbox
    assert set(notice.deliveries.values_list("status", flat=True)) == {"skipped"}


def test_no_vehicle_changes_between_it_and_a_real_company(opened, cast):
    car = Vehicle.objects.for_provider(opened.company.pk).first()
    for vehicle, to in ((car, cast.a), (cast.vehicle, opened.company)):
        with pytest.raises(SandboxApart):
            vehicle_services.transfer_vehicle(vehicle, to, actor=cast.platform)


# --- Where staff look ----------------------------------------------------------------------------
def test_the_platform_counts_real_companies_only(opened, cast):
    before = {figure.title: figure.value for figure in figures_for(cast.superuser)}
    assert cast.driver.pk
    after = {figure.title: figure.value for figure in figures_for(cast.superuser)}
    assert (before["Active drivers"], after["Active drivers"]) == ("0", "1")
    inside = Actor.system("tests", opened.company.pk)
    driver_services.invite_driver(
        opened.company,
        actor=inside,
        given_name="Ina",
        family_name="New",
        email=f"new@{domain_of(opened.company)}",
    )
    assert not tasks_for(cast.superuser)


def test_its_pages_say_what_it_is(opened):
    browser = Client()
    browser.force_login(User.objects.get(email=opened.people[0].login))
    page = browser.get("/admin/").content.decode()
    assert "For tests" in page
    assert "erp (test 1)" in page
