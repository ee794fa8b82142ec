"""Likely duplicates are told within a company, never across, and never block."""

import pytest

from drivers import services
from drivers.duplicates import likely_duplicates, twins_of
from drivers.models import Driver
from drivers.tests.papers import hand_in
from fleets.models import InboxItem
from fleets.services import inbox

pytestmark = pytest.mark.django_db

IBAN = {"iban": "NL91ABNA0417164300"}


def by_identity(cast, driver):
    services.update_driver(driver, actor=cast.actor(driver.provider), national_id="CURP-77")


def by_phone(cast, driver):
    services.update_driver(driver, actor=cast.actor(driver.provider), phone="+525512345678")


def by_paper(cast, driver):
    number = "LIC 42.17" if driver.given_name == "Dora" else "lic-4217"
    hand_in(cast, driver, number=number)


def by_account(cast, driver):
    services.set_payout_account(
        driver,
        actor=cast.actor(driver.provider),
        kind="iban",
        details=IBAN,
        holder_name="Somebody",
    )


WAYS = {
    "national_id": by_identity,
    "phone": by_phone,
    "document": by_paper,
    "payout_account": by_account,
}


def suspects(cast) -> list[str]:
    found = likely_duplicates(Driver.objects.for_provider(cast.a.pk))
    return [driver.given_name for driver in found]


@pytest.mark.parametrize("way", WAYS)
def test_the_later_of_two_alike_is_told_with_what_they_share(cast, way):
    for driver in (cast.driver, cast.other_driver):
        WAYS[way](cast, driver)
    assert suspects(cast) == ["Dario"]
    [twin] = twins_of(Driver.objects.get(pk=cast.driver.pk))
    assert (twin.driver, twin.ways) == (cast.other_driver, (way,))


@pytest.mark.parametrize("way", WAYS)
def test_another_companys_people_are_nobodys_duplicates(cast, way):
    for driver in (cast.foreign_driver, cast.driver):
        WAYS[way](cast, driver)
    assert suspects(cast) == []
    assert twins_of(Driver.objects.get(pk=cast.driver.pk)) == []


def test_nothing_in_common_is_nothing(cast):
    assert cast.driver
    assert cast.other_driver
    hand_in(cast, cast.driver, number="LIC-1")
    hand_in(cast, cast.driver, number="LIC-1")
    hand_in(cast, cast.other_driver)
    assert suspects(cast) == []


def test_it_is_an_item_that_a_person_may_call_done(cast):
    for driver in (cast.driver, cast.other_driver):
        by_phone(cast, driver)
    inbox.refresh(provider_id=cast.a.pk)
    item = InboxItem.objects.get(kind="drivers.likely_duplicate")
    assert item.object_id == cast.other_driver.pk
    inbox.finish(item, actor=cast.actor())
    inbox.refresh(provider_id=cast.a.pk)
    assert InboxItem.objects.filter(kind="drivers.likely_duplicate").count() == 1


def test_the_page_of_each_names_the_other(cast, client):
    for driver in (cast.driver, cast.other_driver, cast.foreign_driver):
        by_account(cast, driver)
    client.force_login(cast.dispatcher)
    page = client.get(f"/admin/drivers/driver/{cast.driver.pk}/change/").content.decode()
    assert f'href="/admin/drivers/driver/{cast.other_driver.pk}/change/"' in page
    assert "bank account" in page
    assert cast.foreign_driver.given_name not in page
