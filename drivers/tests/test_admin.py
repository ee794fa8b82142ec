"""Drivers in the admin: how engagements end."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from drivers import services
from drivers.models import Driver
from fleets.models import AuditEntry
from voltop.tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


def browser(user) -> Client:
    client = Client()
    assert client.login(username=user.email, password=PASSWORD)
    return client


def test_an_engagement_is_ended_by_its_form_once(cast):
    engagement = services.start_engagement(
        cast.driver, actor=cast.actor(), kind="contractor", starts_on=date(2026, 1, 1)
    )
    address = f"/admin/drivers/engagement/{engagement.pk}/change/"
    client = browser(cast.manager)
    early = client.post(address, {"ends_on": "2025-12-31"})
    assert "An engagement ends after it has begun." in early.content.decode()
    assert client.post(address, {"ends_on": "2026-07-01"}).status_code == 302
    engagement.refresh_from_db()
    assert engagement.ends_on == date(2026, 7, 1)
    client.post(address, {"ends_on": "2026-08-01"})
    engagement.refresh_from_db()
    assert (engagement.ends_on, engagement.kind) == (date(2026, 7, 1), "contractor")


def test_a_dispatcher_reads_engagements_and_ends_none(cast):
    engagement = services.start_engagement(
        cast.driver, actor=cast.actor(), kind="contractor", starts_on=date(2026, 1, 1)
    )
    address = f"/admin/drivers/engagement/{engagement.pk}/change/"
    client = browser(cast.dispatcher)
    assert client.get(address).status_code == 200
    assert client.post(address, {"ends_on": "2026-07-01"}).status_code == 403


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("invited", {"again", "onboard", "terminate", "anyway"}),
        ("onboarding", {"activate", "terminate", "anyway"}),
        ("active", {"suspend", "leave", "aside"}),
        ("suspended", {"reinstate", "leave"}),
        ("leaving", {"reinstate", "terminate", "anyway"}),
        ("terminated", set()),
    ],
)
def test_a_drivers_page_offers_the_moves_that_its_state_has(cast, client, status, offered):
    driver = cast.driver
    type(driver).objects.filter(pk=driver.pk).update(status=status)
    client.force_login(cast.owner)
    page = client.get(f"/admin/drivers/driver/{driver.pk}/change/")
    names = {name.removesuffix("_driver") for name, _description in page.context["moves"]}
    assert {name.rpartition("_")[2] for name in names} == offered


def test_a_driver_is_invited_again_from_their_own_page(cast):
    driver = cast.new_driver("Ines", active=False)
    answer = browser(cast.dispatcher).post(
        "/admin/drivers/driver/",
        {"action": "add_driver__invite_again", "_selected_action": [driver.pk], "from_row": "1"},
        follow=True,
    )
    assert "Done for 1." in answer.content.decode()
    assert AuditEntry.objects.filter(action="invitation.sent_again").count() == 1


LISTS = ("driver", "engagement", "payoutaccount", "driverevent")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_twelve_rows_as_for_three(cast, name):
    client, counts = browser(cast.owner), []
    for total in (3, 12):
        for n in range(Driver.objects.count(), total):
            driver = cast.new_driver(f"D{n}")
            services.update_driver(driver, actor=cast.actor(), depot=cast.depot(name=f"Depot {n}"))
            services.start_engagement(
                driver, actor=cast.actor(), kind="renter", starts_on=date(2026, 1, 1)
            )
            services.set_payout_account(
                driver,
                actor=cast.actor(),
                kind="iban",
                details={"iban": "NL91ABNA0417164300"},
                holder_name="D",
            )
        client.get(f"/admin/drivers/{name}/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/admin/drivers/{name}/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1], counts
