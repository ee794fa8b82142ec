"""Assignments through the API."""

from datetime import timedelta

import pytest

from vehicles import services
from vehicles.models import Assignment
from voltop import clock

PATH = "/api/v1/assignments"
DAY = timedelta(days=1)


def body(vehicle, driver, **values):
    return {"vehicle": vehicle.pk, "driver": driver.pk, "kind": "permanent"} | values


def test_a_dispatcher_gives_a_car_and_the_next_one_learns_who_has_it(cast, api):
    client = api(cast.dispatcher)
    made = client.post(PATH, body(cast.vehicle, cast.driver), format="json")
    assert made.status_code == 201, made.json()
    assert (made.json()["ends_at"], made.json()["cancelled_at"]) == (None, None)
    taken = client.post(PATH, body(cast.vehicle, cast.other_driver), format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "vehicle_assigned")
    assert taken.json()["extra"]["driver"] == cast.driver.pk
    assert taken.json()["extra"]["assignment"] == made.json()["id"]
    busy = client.post(PATH, body(cast.other_vehicle, cast.driver), format="json")
    assert (busy.status_code, busy.json()["code"]) == (409, "driver_assigned")
    assert busy.json()["extra"]["vehicle"] == cast.vehicle.pk


def test_replace_takes_the_place_of_what_stands(cast, api):
    car = cast.new_vehicle("Cab", tenure_starts_at=clock.now() - 2 * DAY)
    client = api(cast.dispatcher)
    start = (clock.now() - DAY).isoformat()
    first = client.post(PATH, body(car, cast.driver, starts_at=start), format="json").json()
    second = client.post(PATH, body(car, cast.other_driver, replace=True), format="json")
    assert second.status_code == 201, second.json()
    ended = client.get(f"{PATH}/{first['id']}").json()
    assert ended["ends_at"] == second.json()["starts_at"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "shift"}, "invalid_choice"),
        ({"starts_at": "2026-03-01T10:00:00"}, "offset_required"),
        ({"replace": "yes"}, "boolean_expected"),
        ({"ends_at": "2001-01-01T00:00:00Z"}, "invalid_assignment_period"),
    ],
)
def test_a_body_that_breaks_a_rule_says_which(cast, api, values, code):
    answer = api(cast.dispatcher).post(
        PATH, body(cast.vehicle, cast.driver, **values), format="json"
    )
    shown = answer.json()
    assert answer.status_code == 400
    assert shown["errors"][0]["field"] == next(iter(values))
    assert code in (shown["code"], shown["errors"][0]["code"])
    assert not Assignment.objects.exists()


def test_foreign_cars_and_drivers_in_a_body_are_not_found(cast, api):
    client = api(cast.owner)
    for given in (
        body(cast.foreign_vehicle, cast.driver),
        body(cast.vehicle, cast.foreign_driver),
    ):
        answer = client.post(PATH, given, format="json")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "object_not_found"


def test_ending_cancelling_and_swapping(cast, api):
    since = clock.now() - DAY
    cars = [cast.new_vehicle(f"Cab {n}", tenure_starts_at=since - DAY) for n in range(2)]
    people = [cast.driver, cast.other_driver]
    made = [
        services.assign(car, driver, actor=cast.actor(), kind="permanent", starts_at=since)
        for car, driver in zip(cars, people, strict=True)
    ]
    client = api(cast.dispatcher)
    swapped = client.post(f"{PATH}/{made[0].pk}/swap", {"other": made[1].pk}, format="json")
    assert swapped.status_code == 200, swapped.json()
    assert (swapped.json()["vehicle"], swapped.json()["driver"]) == (cars[0].pk, people[1].pk)
    mine = swapped.json()["id"]
    planned = client.post(
        PATH,
        body(cars[0], people[0], kind="temporary", starts_at=(clock.now() + DAY).isoformat()),
        format="json",
    ).json()
    assert client.post(f"{PATH}/{planned['id']}/cancel").status_code == 200
    assert client.post(f"{PATH}/{mine}/cancel").json()["code"] == "assignment_begun"
    assert client.post(f"{PATH}/{mine}/end", {}, format="json").status_code == 200
    again = client.post(f"{PATH}/{mine}/end", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "assignment_ended")


def test_the_list_filters(cast, api):
    now = clock.now()
    car = cast.new_vehicle("Cab", tenure_starts_at=now - 9 * DAY)
    give = {"actor": cast.actor(), "kind": "permanent"}
    past = services.assign(car, cast.driver, starts_at=now - 2 * DAY, ends_at=now - DAY, **give)
    present = services.assign(car, cast.other_driver, starts_at=now - DAY, **give)
    off = services.assign(
        car, cast.driver, actor=cast.actor(), kind="temporary", starts_at=now + DAY
    )
    services.cancel_assignment(off, actor=cast.actor())
    services.assign(
        cast.foreign_vehicle, cast.foreign_driver, actor=cast.actor(cast.b), kind="permanent"
    )
    client = api(cast.support)

    def ids(**query: object) -> list[int]:
        answer = client.get(PATH, query)
        assert answer.status_code == 200, answer.json()
        return [row["id"] for row in answer.json()["results"]]

    assert ids() == [past.pk, present.pk, off.pk]
    assert ids(cancelled="false") == [past.pk, present.pk]
    assert ids(at=(now - DAY * 1.5).isoformat()) == [past.pk]
    assert ids(at=(now + 2 * DAY).isoformat()) == [present.pk]
    assert ids(driver=cast.driver.pk) == [past.pk, off.pk]
    assert ids(vehicle=car.pk, kind="temporary") == [off.pk]
    assert ids(vehicle=cast.foreign_vehicle.pk) == []


@pytest.mark.parametrize("rows", [1, 6])
def test_the_list_takes_the_same_number_of_queries_whatever_its_length(
    cast, api, rows, django_assert_num_queries
):
    for n in range(rows):
        services.assign(
            cast.new_vehicle(f"Car {n}"),
            cast.new_driver(f"D{n}"),
            actor=cast.actor(),
            kind="permanent",
        )
    client = api(cast.support)
    with django_assert_num_queries(3):
        assert len(client.get(PATH).json()["results"]) == rows
