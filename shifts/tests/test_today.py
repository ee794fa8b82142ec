"""`me/today`: the day at a glance, small, and unchanged while nothing happens."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from drivers.models import Driver
from fleets.models import Depot, DriverPaper, FleetPolicy, FleetProvider, Notice
from fleets.services.notices import notify
from shifts import services
from shifts.models import Shift
from shifts.tests.scene import Scene
from vehicles import services as vehicle_services
from voltop import clock, today
from voltop.tests.phone import ago, event, sync

TODAY = "/api/v1/me/today"
STATEMENTS = 19


@pytest.fixture
def phone(scene: Scene, api):
    """The phone of a driver who has a usual car."""
    scene.hold(scene.car, scene.cast.driver, -100, None)
    return api(scene.cast.driver.user)


def day_of(phone):
    answer = phone.get(TODAY)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_before_the_shift_it_says_which_car_and_that_a_start_is_open(scene: Scene, phone):
    day = day_of(phone)
    assert (day["car"]["id"], day["car"]["name"]) == (scene.car.pk, "Car 1")
    assert day["start"] == {"allowed": True, "reasons": []}
    assert (day["shift"], day["bookings"], day["papers"]) == (None, [], [])
    assert day["driver"]["company"] == "Alba Moves"
    assert day["hours"] == {
        "worked_s": 0,
        "break_s": 0,
        "working_since": None,
        "pausing_since": None,
    }
    assert day["income"] == {"amount": {"amount": "0.00", "currency": "MXN"}}
    assert day["balance"]["owed"] == {"amount": "0.00", "currency": "MXN"}


def test_what_a_start_would_miss_is_told_all_at_once(scene: Scene, phone):
    vehicle_services.send_to_maintenance(scene.car, actor=scene.actor, reason="brakes")
    services.end_shift(
        services.start_shift(
            scene.cast.driver, actor=scene.actor, vehicle=scene.other_car, at=ago(hours=3)
        ),
        actor=scene.actor,
        at=ago(hours=1),
    )
    start = day_of(phone)["start"]
    assert not start["allowed"]
    told = {reason["code"]: reason["from_at"] for reason in start["reasons"]}
    assert set(told) == {"vehicle_not_in_service", "rest_too_short"}
    assert told["vehicle_not_in_service"] is None
    assert told["rest_too_short"] > clock.now().isoformat()
    refused = phone.post("/api/v1/me/shift/start", {}, HTTP_IDEMPOTENCY_KEY="a", format="json")
    reasons = {reason["code"] for reason in refused.json()["extra"]["reasons"]}
    assert reasons == set(told)


def test_a_running_shift_is_told_by_its_instants(scene: Scene, phone):
    now = clock.now()
    shift = services.start_shift(
        scene.cast.driver, actor=scene.actor, vehicle=scene.other_car, at=now - timedelta(hours=2)
    )
    day = day_of(phone)
    assert (day["shift"]["id"], day["start"], day["car"]["id"]) == (
        shift.pk,
        None,
        scene.other_car.pk,
    )
    assert (day["hours"]["worked_s"], day["hours"]["pausing_since"]) == (0, None)
    assert day["hours"]["working_since"] == day["shift"]["starts_at"]
    services.take_break(shift, actor=scene.actor, at=now - timedelta(hours=1))
    hours = day_of(phone)["hours"]
    assert (hours["worked_s"], hours["working_since"]) == (3600, None)
    assert hours["pausing_since"] is not None
    services.resume(shift, actor=scene.actor, at=now - timedelta(minutes=50))
    hours = day_of(phone)["hours"]
    assert (hours["worked_s"], hours["break_s"], hours["pausing_since"]) == (3600, 600, None)


def test_hours_and_income_are_of_the_local_day(scene: Scene, phone):
    begun = ago(minutes=2)
    shift = services.start_shift(scene.cast.driver, actor=scene.actor, vehicle=scene.car, at=begun)
    account = services.create_platform_account(
        scene.cast.a, actor=scene.actor, platform="uber", name="Uber"
    )
    services.give_platform_id(
        account, scene.cast.driver, actor=scene.actor, external_id="d", starts_at=ago(days=9)
    )
    rows = [
        services.EntryRow(
            external_id=name,
            platform_driver="d",
            kind=kind,
            occurred_at=at,
            posted_at=at,
            amount=Decimal(amount),
            currency="MXN",
            trip_ref="",
            raw={},
        )
        for name, kind, at, amount in (
            ("1", "fare", ago(minutes=1), "90.50"),
            ("2", "fee", ago(minutes=1), "-10.00"),
            ("3", "cash_collected", ago(minutes=1), "90.50"),
            ("4", "fare", ago(days=2), "500.00"),
        )
    ]
    services.post_entries(account, rows, actor=scene.actor)
    services.end_shift(shift, actor=scene.actor, at=begun + timedelta(minutes=1))
    day = day_of(phone)
    assert day["hours"]["worked_s"] == 60
    assert day["income"]["amount"] == {"amount": "80.50", "currency": "MXN"}


def test_while_nothing_happens_it_is_the_same_day(scene: Scene, phone):
    sync(phone, event("shift.start"))
    first = phone.get(TODAY)
    tag = first["ETag"]
    again = phone.get(TODAY, HTTP_IF_NONE_MATCH=f'"other", {tag}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert phone.get(TODAY, HTTP_IF_NONE_MATCH='"other"').status_code == 200
    sync(phone, event("shift.break"))
    changed = phone.get(TODAY, HTTP_IF_NONE_MATCH=tag)
    assert (changed.status_code, changed.json()["shift"]["status"]) == (200, "on_break")
    assert changed["ETag"] != tag


def test_a_full_day_fits_into_eight_kilobytes(scene: Scene, phone):
    """Long names of two bytes a letter, every paper missing, a start that much speaks against."""
    cast, long = scene.cast, "ñ" * 120
    depot = cast.depot()
    Depot.objects.filter(pk=depot.pk).update(name=long, address=long * 2)
    Driver.objects.filter(pk=cast.driver.pk).update(depot=depot, given_name="ñ" * 80)
    FleetProvider.objects.filter(pk=cast.a.pk).update(name=long)
    FleetPolicy.objects.filter(provider=cast.a).update(
        driver_documents=DriverPaper.values, unplanned_shifts=False
    )
    vehicle_services.send_to_maintenance(scene.car, actor=scene.actor, reason="brakes")
    with transaction.atomic():
        for number in range(60):
            params = {"number": number}
            notify(
                cast.driver.user, "chat.answered", params, provider_id=cast.a.pk, once=f"{number}"
            )
    answer = phone.get(TODAY)
    day = answer.json()
    assert (day["notices"]["unread"], len(day["notices"]["latest"])) == (60, 5)
    assert len(day["papers"]) == len(DriverPaper.values)
    assert len(day["start"]["reasons"]) == 3
    assert (len(answer.content) <= 8192, day["left_out"]) == (True, [])


def test_what_has_no_room_is_left_out_and_named(scene: Scene, phone, monkeypatch):
    whole = len(phone.get(TODAY).content)
    monkeypatch.setattr(today, "MOST_BYTES", whole - 1)
    day = phone.get(TODAY)
    assert (day.json()["notices"], day.json()["left_out"]) == (None, ["notices"])
    assert len(day.content) < whole


def test_a_notice_of_the_account_tells_time_by_the_companys_clock(scene: Scene, phone):
    at = clock.now()
    with transaction.atomic():
        notify(
            scene.cast.driver.user,
            "fleets.new_device",
            {"device": "x", "logged_in_at": at.isoformat()},
        )
    [notice] = day_of(phone)["notices"]["latest"]
    local = at.astimezone(clock.zone(scene.cast.a.time_zone))
    assert f"{local:%H:%M}" in notice["text"]


def test_of_two_companies_each_day_is_its_own(scene: Scene, phone, api):
    with transaction.atomic():
        notify(scene.cast.driver.user, "chat.answered", {"number": 1}, provider_id=scene.cast.b.pk)
    assert Notice.objects.count() == 1
    assert day_of(phone)["notices"] == {"unread": 0, "latest": []}
    assert Shift.objects.count() == 0


def test_statements_are_bounded(scene: Scene, phone, django_assert_max_num_queries):
    """Parts share the driver's company and its rules; the gates ask for theirs."""
    phone.get(TODAY)
    with django_assert_max_num_queries(STATEMENTS):
        phone.get(TODAY)
