"""The frame of the admin's pages: what lists, refusals and rows say and offer around their data."""

from datetime import date

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from fleets.admin.shown import days
from voltop.tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
DRIVERS = "/admin/drivers/driver/"


def log_in(user) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.mark.parametrize(
    ("who", "address", "status", "reason"),
    [
        ("viewer", "/admin/fleets/auditentry/", 403, "Your role does not open this page."),
        ("owner", "/admin/nothing/here/", 404, "The address is wrong"),
        ("owner", f"{DRIVERS}?status__regex=^a", 400, "does not offer"),
    ],
)
def test_a_refusal_has_the_menu_the_reason_and_a_way_back(cast, who, address, status, reason):
    page = text(log_in(getattr(cast, who)), address, status)
    assert reason in page
    assert "To the first page" in page
    assert f'href="{DRIVERS}"' in page


def test_who_has_no_admin_gets_no_page_of_it(cast):
    answer = Client(raise_request_exception=False).get("/nothing/here/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    assert DRIVERS not in answer.content.decode()


def test_a_filter_that_a_list_has_not_is_told(cast):
    client = log_in(cast.owner)
    told = "This list has no such filter"
    assert told in text(client, f"{DRIVERS}?foo=1")
    assert told not in text(client, DRIVERS)


def test_lists_are_called_by_what_they_hold_and_lead_to_all_rows_only_from_some(cast):
    assert cast.driver.pk
    client = log_in(cast.owner)
    assert client.get(DRIVERS).context["title"] == "Drivers"
    page = text(client, DRIVERS)
    assert "1 result" in page
    assert "Show all" not in page
    assert "Show all" in text(client, f"{DRIVERS}?q=dora")


def test_an_empty_list_speaks_of_filters_only_where_some_are_set(cast):
    client = log_in(cast.owner)
    bare = text(client, "/admin/vehicles/vehicle/")
    assert "Nothing here yet" in bare
    assert "Reset filters" not in bare
    filtered = text(client, "/admin/vehicles/vehicle/?q=nothing")
    assert "Nothing matches" in filtered
    assert "Reset filters" in filtered


@pytest.mark.parametrize("page", ["fleets/webhookendpoint", "fleets/apiclient", "payments/payplan"])
def test_what_is_made_over_the_api_says_so(cast, page):
    assert "are made over the API" in text(log_in(cast.owner), f"/admin/{page}/")


def test_lists_of_all_companies_say_whose_a_row_is(cast):
    cast.driver, cast.foreign_driver  # noqa: B018
    columns = log_in(cast.superuser).get(DRIVERS).context["cl"].list_display
    assert "provider" in columns
    assert cast.b.name in text(log_in(cast.superuser), DRIVERS)
    assert "provider" not in log_in(cast.owner).get(DRIVERS).context["cl"].list_display


@pytest.mark.parametrize(
    ("password", "told"),
    [(PASSWORD, "This log-in has no admin"), ("wrong one", "do not go together")],
)
def test_who_is_not_let_in_is_told_why(cast, password, told):
    email = cast.driver.user.email
    page = Client().post("/admin/login/", {"username": email, "password": password})
    assert told in page.content.decode()
    assert "E-mail or phone" in page.content.decode()
    assert "username?" not in page.content.decode()


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("reservations/reservation", "Bookings"),
        ("reservations/evse", "Charge points"),
        ("fleets/membership", "Staff"),
        ("fleets/fleetpolicy", "Rules"),
    ],
)
def test_pages_are_called_as_the_sidebar_calls_them(cast, address, title):
    assert log_in(cast.owner).get(f"/admin/{address}/").context["title"] == title


def test_the_rules_say_how_a_list_is_written(cast):
    page = text(log_in(cast.owner), f"/admin/fleets/fleetpolicy/{cast.a.policy.pk}/change/")
    assert page.count("Names with commas between them") == 2


def test_roles_are_read_not_edited(cast):
    root = log_in(cast.superuser)
    group = Group.objects.get(name="role:dispatcher")
    page = f"/admin/auth/group/{group.pk}/change/"
    assert "drivers.view_driver" in text(root, page)
    assert root.post(page, {"name": "role:x"}).status_code == 403
    assert root.get("/admin/auth/group/add/").status_code == 403


def test_the_history_is_offered_where_there_is_one(cast):
    client, depot = log_in(cast.owner), cast.depot(name="Norte")
    page, history = (f"/admin/fleets/depot/{depot.pk}/{name}/" for name in ("change", "history"))
    assert history not in text(client, page)
    form = {
        "name": "Norte",
        "address": "Calle 5",
        "geofence_radius_m": "150",
        "time_zone": "America/Mexico_City",
        "opening_hours": "",
        "refs-TOTAL_FORMS": 0,
        "refs-INITIAL_FORMS": 0,
    }
    assert client.post(page, form).status_code == 302
    assert history in text(client, page)


def test_a_period_is_told_by_its_first_and_its_last_day():
    assert days(date(2026, 3, 2), date(2026, 3, 9)) == "2 Mar 2026 – 8 Mar 2026"
    assert days(date(2026, 3, 2), date(2026, 3, 3)) == "2 Mar 2026"
