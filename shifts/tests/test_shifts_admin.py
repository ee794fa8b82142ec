"""Shifts in the admin: every list and page opens, plans are made, moves are actions."""

from decimal import Decimal

import pytest
from django.test import Client

from shifts import services
from shifts.admin import ShiftAdmin, ShiftProposalAdmin
from shifts.models import PlatformAccount, PlatformDriver, Shift, ShiftProposal
from shifts.tests.scene import Scene, at
from voltop.tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
LISTS = (
    "shift",
    "shiftevent",
    "shiftstint",
    "shiftbreak",
    "shiftmetrics",
    "shiftproposal",
    "shiftproposalevent",
    "platformaccount",
    "platformdriver",
    "platformentry",
)


@pytest.fixture
def admin():
    def log_in(user) -> Client:
        client = Client()
        assert client.login(username=user.email, password=PASSWORD)
        return client

    return log_in


def act(client: Client, model: str, action: str, *ids: int, reason: str = "") -> str:
    """Run a list action; the page that follows."""
    data = {"action": action, "_selected_action": ids, "reason": reason}
    return client.post(f"/admin/shifts/{model}/", data, follow=True).content.decode()


def action_named(text: str) -> str:
    """The name of the shift action with this description."""
    return next(a.__name__ for a in ShiftAdmin.actions if str(a.short_description) == text)


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """At least one row in every table."""
    account = services.create_platform_account(
        scene.cast.a, actor=scene.actor, platform="uber", name="Uber"
    )
    services.give_platform_id(
        account, scene.cast.driver, actor=scene.actor, external_id="U1", starts_at=at(0)
    )
    services.post_entries(
        account,
        [
            services.EntryRow(
                external_id="e1",
                kind="fare",
                occurred_at=at(1),
                posted_at=at(2),
                amount=Decimal("5"),
                currency="MXN",
                platform_driver="U1",
            )
        ],
        actor=scene.actor,
    )
    shift = scene.on_break()
    services.end_shift(shift, actor=scene.actor, at=at(8))
    services.compute_metrics([shift.pk])
    scene.drive(scene.other_car, 0, 2)
    services.propose_shifts(scene.cast.a, at(-24), at(24), actor=scene.actor)
    return scene


def test_every_list_page_and_search_opens(filled: Scene, admin):
    client = admin(filled.cast.owner)
    for name in LISTS:
        for query in ("", "?q=dora"):
            page = client.get(f"/admin/shifts/{name}/{query}")
            assert page.status_code == 200, (name, query)
    shift, proposal = Shift.objects.get(), ShiftProposal.objects.get()
    for path in (f"shift/{shift.pk}", f"shiftproposal/{proposal.pk}"):
        assert client.get(f"/admin/shifts/{path}/change/").status_code == 200


def test_a_long_list_takes_the_same_queries(scene: Scene, admin, django_assert_max_num_queries):
    for day in range(5):
        shift = scene.active(at=at(24 * day))
        services.end_shift(shift, actor=scene.actor, at=at(24 * day + 8))
    client = admin(scene.cast.owner)
    client.get("/admin/shifts/shift/")
    with django_assert_max_num_queries(20):
        client.get("/admin/shifts/shift/")


def test_times_are_shown_on_the_pages_clock_in_lists_titles_and_rows(scene: Scene, admin):
    shift = scene.ended()
    row = f"/admin/shifts/shift/{shift.pk}/change/"
    own = admin(scene.cast.viewer)
    for page in ("/admin/shifts/shift/", row):
        assert "2 Mar 2026, 08:00" in own.get(page).content.decode()  # 14:00 UTC in Mexico City
    root = Client()
    root.force_login(scene.cast.superuser)
    for page in ("/admin/shifts/shift/", row):
        assert "2 Mar 2026, 14:00" in root.get(page).content.decode()
    assert "8 h 00 min" in own.get("/admin/shifts/shift/").content.decode()
    assert "Shift of Dora Driver, 2 Mar 2026" in own.get(row).content.decode()


def test_a_date_and_time_is_asked_for_on_a_named_clock(scene: Scene, admin):
    page = admin(scene.cast.owner).get("/admin/shifts/shift/add/").content.decode()
    assert page.count("Mexico City time") == 3  # below the name in the corner, and two fields


def test_a_plan_is_made_by_the_form_and_a_broken_rule_comes_back(scene: Scene, admin):
    client = admin(scene.cast.owner)
    form = {
        "driver": scene.cast.driver.pk,
        "planned_vehicle": scene.car.pk,
        "planned_starts_at_0": "2099-03-01",
        "planned_starts_at_1": "08:00:00",
        "planned_ends_at_0": "2099-03-01",
        "planned_ends_at_1": "16:00:00",
    }
    made = client.post("/admin/shifts/shift/add/", form)
    assert made.status_code == 302, made.content.decode()[:3000]
    shift = Shift.objects.get()
    assert (shift.status, shift.events.count()) == ("scheduled", 1)
    again = client.post("/admin/shifts/shift/add/", form)
    assert again.status_code == 200
    assert "Another shift of the driver is planned in this period." in again.content.decode()


def test_moves_are_actions_and_refusals_are_told(scene: Scene, admin):
    shift = scene.ended()
    client = admin(scene.cast.owner)
    page = act(client, "shift", action_named("Begin a break"), shift.pk)
    assert "This move is not possible from the present state." in page
    act(client, "shift", action_named("Confirm"), shift.pk)
    shift.refresh_from_db()
    assert shift.status == "confirmed"
    page = act(client, "shift", action_named("Reopen (with a reason)"), shift.pk)
    assert "Give a reason." in page
    act(client, "shift", action_named("Reopen (with a reason)"), shift.pk, reason="car")
    shift.refresh_from_db()
    assert (shift.status, shift.events.last().reason) == ("ended", "car")


def test_a_planned_shift_is_started_against_the_rules_only_by_who_may(scene: Scene, admin):
    shift = scene.scheduled(starts_at=at(24 * 365 * 5), ends_at=at(24 * 365 * 5 + 8))
    name = action_named("Start against the rules (with a reason)")
    act(admin(scene.cast.accountant), "shift", name, shift.pk, reason="x")
    shift.refresh_from_db()
    assert shift.status == "scheduled"
    act(admin(scene.cast.dispatcher), "shift", name, shift.pk, reason="flight")
    shift.refresh_from_db()
    assert shift.status == "active"


def test_a_proposal_gets_its_driver_and_is_accepted(filled: Scene, admin):
    client = admin(filled.cast.dispatcher)
    proposal = ShiftProposal.objects.get()
    path = f"/admin/shifts/shiftproposal/{proposal.pk}/change/"
    form = {
        "driver": filled.cast.other_driver.pk,
        "starts_at_0": "2026-03-02",
        "starts_at_1": "14:00:00",
        "ends_at_0": "2026-03-02",
        "ends_at_1": "16:00:00",
        "events-TOTAL_FORMS": 0,
        "events-INITIAL_FORMS": 0,
    }
    assert client.post(path, form).status_code == 302
    act(client, "shiftproposal", ShiftProposalAdmin.actions[0].__name__, proposal.pk)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.driver) == ("accepted", filled.cast.other_driver)


def test_platform_accounts_and_ids_are_kept_through_services(scene: Scene, admin):
    client = admin(scene.cast.owner)
    form = {"platform": "bolt", "name": "Bolt", "week_starts_on": "0", "week_starts_hour": "4"}
    form["time_zone"] = "America/Mexico_City"
    assert client.post("/admin/shifts/platformaccount/add/", form).status_code == 302
    account = PlatformAccount.objects.get()
    assert (account.currency, account.week_starts_hour) == ("MXN", 4)
    form = {
        "account": account.pk,
        "external_id": "B-1",
        "driver": scene.cast.driver.pk,
        "starts_at_0": "2026-01-01",
        "starts_at_1": "00:00:00",
        "ends_at_0": "",
        "ends_at_1": "",
    }
    assert client.post("/admin/shifts/platformdriver/add/", form).status_code == 302
    known = PlatformDriver.objects.get()
    act(client, "platformdriver", "change_platformdriver__take_away", known.pk)
    known.refresh_from_db()
    assert known.ends_at is not None


def test_money_is_only_read(filled: Scene, admin):
    client = admin(filled.cast.owner)
    assert client.get("/admin/shifts/platformentry/add/").status_code == 403
    entry = filled.cast.driver.platform_entries.get()
    path = f"/admin/shifts/platformentry/{entry.pk}/change/"
    assert client.get(path).status_code == 200
    assert client.post(path, {"amount": "500"}).status_code == 403


def test_first_page_tells_what_waits(filled: Scene, admin):
    page = admin(filled.cast.owner).get("/admin/").content.decode()
    assert "Proposed shifts without a driver" in page
    assert "Shifts to confirm" in page


def test_an_accountant_confirms_shifts_and_does_nothing_else_to_them(scene: Scene, admin):
    shift = scene.ended()
    client = admin(scene.cast.accountant)
    page = client.get(f"/admin/shifts/shift/{shift.pk}/change/").content.decode()
    assert action_named("Confirm") in page
    assert action_named("End") not in page
    act(client, "shift", action_named("Confirm"), shift.pk)
    shift.refresh_from_db()
    assert shift.status == "confirmed"


def test_a_drivers_page_tells_the_car_and_the_latest_shifts(scene: Scene, admin):
    shift, cast = scene.active(), scene.cast
    client = admin(cast.dispatcher)
    page = client.get(f"/admin/drivers/driver/{cast.driver.pk}/change/").content.decode()
    car, line = f"/admin/vehicles/vehicle/{scene.car.pk}/change/", f"shifts/shift/{shift.pk}/"
    assert car in page
    assert line in page
    other = client.get(f"/admin/drivers/driver/{cast.other_driver.pk}/change/").content.decode()
    assert car not in other
    assert line not in other
