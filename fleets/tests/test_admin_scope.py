"""The admin shows provider people their own company, and writes through services."""

import pytest
from django.test import Client

from drivers.models import Driver
from fleets.models import AuditEntry, Depot
from voltop.tests.cast import PASSWORD


@pytest.fixture
def admin(cast):
    def log_in(user) -> Client:
        client = Client()
        assert client.login(username=user.email, password=PASSWORD)
        return client

    return log_in


def test_a_list_shows_own_rows_only(cast, admin):
    cast.driver, cast.foreign_driver  # noqa: B018
    page = admin(cast.owner).get("/admin/drivers/driver/").content.decode()
    assert "Dora Driver" in page
    assert "Detlef" not in page


def test_another_companys_page_is_not_there(cast, admin):
    client = admin(cast.owner)
    foreign = cast.foreign_driver.pk
    for path in (f"{foreign}/change/", f"{foreign}/history/"):
        answer = client.get(f"/admin/drivers/driver/{path}")
        assert answer.status_code == 302
        assert answer["Location"] == "/admin/"
        assert "Detlef" not in client.get("/admin/").content.decode()


def test_related_choices_and_autocompletes_hold_own_rows_only(cast, admin):
    cast.depot(name="Own yard"), cast.depot(cast.b, name="Foreign yard")
    cast.driver, cast.foreign_driver  # noqa: B018
    client = admin(cast.owner)
    form = client.get(f"/admin/drivers/driver/{cast.driver.pk}/change/").content.decode()
    assert "Own yard" in form
    assert "Foreign yard" not in form
    found = client.get(
        "/admin/autocomplete/",
        {"app_label": "drivers", "model_name": "engagement", "field_name": "driver", "term": "D"},
    ).json()
    assert [item["text"] for item in found["results"]] == ["Dora Driver"]


def test_a_filter_offers_own_values_only(cast, admin):
    cast.depot(cast.b, name="Foreign yard")
    page = admin(cast.owner).get("/admin/drivers/driver/").content.decode()
    assert "Foreign yard" not in page


def test_a_driver_has_no_admin(cast, admin):
    answer = admin(cast.driver.user).get("/admin/")
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


def test_a_viewer_reads_and_cannot_write(cast, admin):
    client = admin(cast.viewer)
    assert client.get("/admin/drivers/driver/").status_code == 200
    assert client.get("/admin/drivers/driver/add/").status_code == 403
    assert client.post("/admin/drivers/driver/add/", {"given_name": "X"}).status_code == 403
    assert client.get("/admin/fleets/auditentry/").status_code == 403


def test_saving_a_depot_goes_through_the_service(cast, admin):
    client = admin(cast.owner)
    form = {
        "name": "Norte",
        "address": "",
        "geofence_radius_m": "150",
        "time_zone": "America/Mexico_City",
        "opening_hours": "",
    }
    assert client.post("/admin/fleets/depot/add/", form).status_code == 302
    assert Depot.objects.get().provider == cast.a
    assert AuditEntry.objects.filter(action="depot.created").count() == 1


def test_a_broken_rule_is_an_error_of_the_form_and_nothing_typed_is_lost(cast, admin):
    cast.depot(name="Norte")
    form = {
        "name": "Norte",
        "address": "Calle 5",
        "geofence_radius_m": "150",
        "time_zone": "America/Mexico_City",
        "opening_hours": "",
    }
    page = admin(cast.owner).post("/admin/fleets/depot/add/", form)
    assert page.status_code == 200
    assert "Another depot has this name." in page.content.decode()
    assert "Calle 5" in page.content.decode()
    assert Depot.objects.count() == 1


def run_action(client: Client, name: str, driver: Driver, reason: str = "") -> str:
    page = client.post(
        "/admin/drivers/driver/",
        {"action": name, "_selected_action": [driver.pk], "reason": reason},
        follow=True,
    )
    return page.content.decode()


def test_a_move_in_the_admin_calls_the_service_and_shows_a_refusal(cast, admin):
    client = admin(cast.dispatcher)
    assert "Give a reason." in run_action(client, "change_driver_suspend_driver", cast.driver)
    assert "Done for 1." in run_action(
        client, "change_driver_suspend_driver", cast.driver, "papers"
    )
    cast.driver.refresh_from_db()
    assert cast.driver.status == "suspended"
    assert cast.driver.events.last().reason == "papers"


def test_a_rows_own_page_offers_what_the_role_may_do_and_comes_back_to_it(cast, admin):
    client = admin(cast.dispatcher)
    url = f"/admin/drivers/driver/{cast.driver.pk}/change/"
    page = client.get(url).content.decode()
    assert 'name="action" value="change_driver_suspend_driver"' in page
    assert 'value="terminate_driver_terminate_driver"' not in page
    told = client.post(
        "/admin/drivers/driver/",
        {
            "action": "change_driver_suspend_driver",
            "_selected_action": [cast.driver.pk],
            "reason": "papers",
            "index": "0",
            "from_row": "1",
        },
        follow=True,
    )
    assert told.redirect_chain == [(url, 302)]
    assert "Done for 1." in told.content.decode()
    cast.driver.refresh_from_db()
    assert cast.driver.status == "suspended"


def test_a_viewers_page_of_a_row_offers_nothing(cast, admin):
    page = admin(cast.viewer).get(f"/admin/drivers/driver/{cast.driver.pk}/change/")
    assert page.status_code == 200
    assert 'name="from_row"' not in page.content.decode()


def test_an_action_without_the_permission_changes_nothing(cast, admin):
    client = admin(cast.dispatcher)
    driver = cast.new_driver("Ines", active=False)
    run_action(client, "terminate_driver_terminate_driver", driver, "x")
    driver.refresh_from_db()
    assert driver.status == "invited"


def test_an_action_cannot_reach_another_companys_row(cast, admin):
    client = admin(cast.dispatcher)
    run_action(client, "change_driver_suspend_driver", cast.foreign_driver, "x")
    cast.foreign_driver.refresh_from_db()
    assert cast.foreign_driver.status == "active"


def test_platform_staff_without_a_membership_see_all_companies(cast, admin):
    cast.driver, cast.foreign_driver  # noqa: B018
    page = admin(cast.superuser).get("/admin/drivers/driver/").content.decode()
    assert "Dora Driver" in page
    assert "Detlef Driver" in page


def test_the_first_page_tells_what_waits_and_only_to_who_may_do_it(cast, admin):
    from drivers import services

    services.onboard_driver(cast.new_driver("Ines", active=False), actor=cast.actor())
    assert "Drivers to onboard" in admin(cast.dispatcher).get("/admin/").content.decode()
    assert "Drivers to onboard" not in admin(cast.viewer).get("/admin/").content.decode()
    assert "Drivers to onboard" not in admin(cast.outsider).get("/admin/").content.decode()
