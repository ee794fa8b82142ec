"""Who sees a driver's identity number and date of birth: in the API and in the admin."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from drivers import services
from drivers.models import Driver
from fleets.services import api_clients
from voltop.tests.cast import PASSWORD, Cast

pytestmark = pytest.mark.django_db
NUMBER, BORN = "GODE561231GR8", "1976-12-31"
SEES = {
    "owner": True,
    "manager": True,
    "dispatcher": True,
    "accountant": True,
    "support": False,
    "viewer": False,
}


@pytest.fixture
def driver(cast: Cast) -> Driver:
    return services.update_driver(
        cast.driver,
        actor=cast.actor(),
        national_id=NUMBER,
        birth_date=date.fromisoformat(BORN),
    )


def shown(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["national_id"], row["birth_date"]


@pytest.mark.parametrize("role", SEES)
def test_the_api_gives_it_to_some_roles_only(cast, api, driver, role):
    client = api(getattr(cast, role))
    wanted = (NUMBER, BORN) if SEES[role] else (None, None)
    assert shown(client.get(f"/api/v1/drivers/{driver.pk}").json()) == wanted
    [row] = client.get("/api/v1/drivers").json()["results"]
    assert shown(row) == wanted


@pytest.mark.parametrize("role", SEES)
def test_the_admin_masks_it_for_the_others(cast, driver, role):
    client = Client()
    assert client.login(username=getattr(cast, role).email, password=PASSWORD)
    page = client.get(f"/admin/drivers/driver/{driver.pk}/change/").content.decode()
    assert driver.family_name in page
    assert (NUMBER in page, "••••" in page) == (SEES[role], not SEES[role])
    assert (str(date.fromisoformat(BORN).year) in page) == SEES[role]


def test_an_unknown_number_is_empty_and_not_withheld(cast, api):
    row = api(cast.owner).get(f"/api/v1/drivers/{cast.driver.pk}").json()
    assert shown(row) == ("", None)


@pytest.mark.parametrize(
    ("scopes", "wanted"),
    [
        (["drivers:read"], (None, None)),
        (["drivers:read", "drivers:write"], (None, None)),
        (["drivers:read", "drivers.identity:read"], (NUMBER, BORN)),
    ],
)
def test_an_integrator_needs_a_scope_of_its_own(cast, driver, scopes, wanted):
    client, secret = api_clients.create_client(
        cast.a, actor=cast.actor(), name="Bridge", wanted=scopes
    )
    browser = Client()
    token = browser.post(
        "/api/v1/oauth/token",
        f"grant_type=client_credentials&client_id={client.client_id}&client_secret={secret}",
        content_type="application/x-www-form-urlencoded",
    ).json()["access_token"]
    row = browser.get(
        f"/api/v1/drivers/{driver.pk}", headers={"Authorization": f"Bearer {token}"}
    ).json()
    assert shown(row) == wanted
