"""Vehicles in the admin: own rows, every page opens, writes go through services."""

from datetime import timedelta

import pytest
from django.test import Client

from vehicles import services
from vehicles.models import Assignment, Vehicle
from voltop import clock
from voltop.tests.cast import PASSWORD

ADMIN = "/admin/vehicles"
PAGES = (
    "vehicle vehiclemodel assignment vehicletenure vehicleplate vehiclestate vehicleday"
    " vehicleevent"
).split()


@pytest.fixture
def admin(cast):
    def log_in(user) -> Client:
        client = Client()
        assert client.login(username=user.email, password=PASSWORD)
        return client

    return log_in


@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_and_shows_no_foreign_car(cast, admin, page):
    services.update_vehicle(cast.vehicle, actor=cast.actor(), plate="OWN1")
    services.update_vehicle(cast.foreign_vehicle, actor=cast.actor(cast.b), plate="FOREIGN1")
    answer = admin(cast.owner).get(f"{ADMIN}/{page}/")
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "Wagen 1" not in shown
    assert "FOREIGN1" not in shown


def test_a_vehicles_page_shows_its_timelines(cast, admin):
    car = cast.new_vehicle("Cab", tenure_starts_at=clock.now() - timedelta(days=1))
    services.assign(car, cast.driver, actor=cast.actor(), kind="permanent")
    services.send_to_maintenance(car, actor=cast.actor(), reason="new tyres")
    page = admin(cast.dispatcher).get(f"{ADMIN}/vehicle/{car.pk}/change/")
    assert page.status_code == 200
    assert "Dora Driver" in page.content.decode()
    assert "new tyres" in page.content.decode()


def test_saving_and_moving_go_through_the_services(cast, admin):
    client = admin(cast.manager)
    form = {"vin": "wvwzzze1zp9000001", "plate": "ab 1", "label": "Cab 7"}
    inlines = {
        f"{prefix}-{name}": 0
        for prefix in ("state", "assignments", "plates", "tenures", "events")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    form |= {"model": cast.vehicle_model.pk, **inlines}
    answer = client.post(f"{ADMIN}/vehicle/add/", form)
    assert answer.status_code == 302, answer.context["errors"]
    car = Vehicle.objects.get()
    assert (car.provider, car.vin, car.plate) == (cast.a, "WVWZZZE1ZP9000001", "AB1")
    chosen = {"_selected_action": [car.pk], "reason": "tyres"}
    client.post(f"{ADMIN}/vehicle/", chosen | {"action": "change_vehicle_send_to_maintenance"})
    car.refresh_from_db()
    assert car.status == "maintenance"
    assert car.events.last().reason == "tyres"


def test_an_assignment_by_hand_is_never_of_a_shift(cast, admin):
    client = admin(cast.dispatcher)
    page = client.get(f"{ADMIN}/assignment/add/").content.decode()
    assert 'value="permanent"' in page
    assert 'value="shift"' not in page
    form = {"vehicle": cast.vehicle.pk, "driver": cast.driver.pk, "kind": "permanent"}
    form |= {"starts_at_0": "2026-01-01", "starts_at_1": "10:00:00"}
    early = client.post(f"{ADMIN}/assignment/add/", form)
    assert early.status_code == 200
    assert "not yours over the whole" in early.content.decode()
    now = clock.now()
    form |= {"starts_at_0": f"{now:%Y-%m-%d}", "starts_at_1": f"{now:%H:%M:%S}"}
    form["starts_at_0"] = f"{now + timedelta(days=1):%Y-%m-%d}"
    assert client.post(f"{ADMIN}/assignment/add/", form).status_code == 302
    made = Assignment.objects.get()
    client.post(
        f"{ADMIN}/assignment/",
        {"action": "change_assignment__cancel", "_selected_action": [made.pk]},
    )
    made.refresh_from_db()
    assert made.cancelled_at is not None


def test_a_viewer_reads_and_cannot_write(cast, admin):
    client = admin(cast.viewer)
    assert client.get(f"{ADMIN}/vehicle/").status_code == 200
    assert client.get(f"{ADMIN}/vehicle/add/").status_code == 403
    assert client.get(f"{ADMIN}/assignment/").status_code == 403


def test_the_first_page_counts_what_stands_and_what_drives(cast, admin):
    services.take_out_of_service(cast.vehicle, actor=cast.actor(), reason="crash")
    now = clock.now() + timedelta(seconds=1)
    services.merge_states(
        [services.StateRow(cast.other_vehicle.pk, now, activity_at=now, activity="driving")]
    )
    page = admin(cast.dispatcher).get("/admin/").content.decode()
    assert "Vehicles out of service" in page
    assert "1 / 1" in page
