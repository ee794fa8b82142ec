"""Drivers in the admin: how engagements end."""

from datetime import date

import pytest
from django.test import Client

from drivers import services
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
        ("invited", {"onboard", "terminate"}),
        ("onboarding", {"activate", "terminate"}),
        ("active", {"suspend", "leave"}),
        ("suspended", {"reinstate", "leave"}),
        ("leaving", {"reinstate", "terminate"}),
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
