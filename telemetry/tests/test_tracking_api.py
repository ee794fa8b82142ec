"""Where vehicles went, over HTTP: tracks, trips, hired runs; sources and trackers."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from telemetry import services
from telemetry.selectors.track import Point, jumps, simplify
from telemetry.tests.test_derive import LAT, LON, STEP, close, derive, drive, km
from telemetry.tests.world import HELD_FROM, at, fix, sample
from vehicles import services as vehicle_services


@pytest.fixture
def office(api, cast):
    return api(cast.owner)


def track(client, car, start, end, **values):
    query = urlencode({"start": start.isoformat(), "end": end.isoformat(), **values})
    return client.get(f"/api/v1/vehicles/{car.pk}/track?{query}")


def test_a_track_is_a_geojson_line_with_times(fleet, office):
    fleet.send(*drive(fleet.car, 0, 5, occupied=True), sample(fleet.car, at(8, 9)))
    answer = track(office, fleet.car, at(8, 1), at(8, 4))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["geometry"] == {
        "type": "LineString",
        "coordinates": [[LON, pytest.approx(LAT + n * STEP)] for n in (1, 2, 3)],
    }
    properties = body["properties"]
    assert properties["times"] == [f"2026-03-02T08:0{n}:00Z" for n in (1, 2, 3)]
    assert (properties["fixes"], properties["occupied"], properties["jumps"]) == (3, [True] * 3, [])


def test_a_track_without_fixes_has_no_geometry(fleet, office):
    assert track(office, fleet.car, at(8), at(9)).json()["geometry"] is None
    fleet.send(fix(fleet.car, at(8), LAT, LON))
    assert track(office, fleet.car, at(8), at(9)).json()["geometry"]["type"] == "Point"


def test_a_wrong_position_is_flagged_and_kept(fleet, office):
    fixes = drive(fleet.car, 0, 5)
    fixes[2] = fix(fleet.car, at(8, 2), LAT + 1, LON)
    fleet.send(*fixes)
    assert track(office, fleet.car, at(8), at(9)).json()["properties"]["jumps"] == [2, 3]


def test_simplifying_keeps_the_corners():
    """An L of 101 points: three points are enough, the corner among them."""
    east = [Point(at(0, n), 10, 20 + n / 100, None, None) for n in range(51)]
    north = [Point(at(0, 50 + n), 10 + n / 100, 20.5, None, None) for n in range(1, 51)]
    kept = simplify([*east, *north], 3)
    assert [(p.latitude, p.longitude) for p in kept] == [(10, 20), (10, 20.5), (10.5, 20.5)]
    assert len(simplify([*east, *north], 40)) == 40
    assert simplify(east, 51) == east
    assert jumps(kept) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "required"),
        ("start=2026-03-02T00:00:00Z", "required"),
        ("start=x&end=2026-03-02T00:00:00Z", "invalid_datetime"),
        ("start=2026-03-02T00:00:00&end=2026-03-03T00:00:00Z", "offset_required"),
        ("start=2026-03-03T00:00:00Z&end=2026-03-02T00:00:00Z", "invalid_range"),
        ("start=2026-03-01T00:00:00Z&end=2026-04-02T00:00:00Z", "track_too_long"),
        ("start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z&max_points=1", "out_of_range"),
        ("start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z&max_points=²", "invalid_utf8"),
        ("start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z&max_points=1e3", "invalid_number"),
        ("start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z&zoom=3", "unknown_parameter"),
    ],
)
def test_a_wrong_question_is_told_so(fleet, office, query, code):
    answer = office.get(f"/api/v1/vehicles/{fleet.car.pk}/track?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_each_company_sees_its_own_time_of_a_car(fleet, cast, api):
    """The car went to B at 8:05: A sees the way until then, B the rest, C's question is 404."""
    fleet.send(*drive(fleet.car, 0, 5, occupied=True))
    vehicle_services.transfer_vehicle(fleet.car, cast.b, actor=cast.actor(), at=at(8, 5))
    other = fleet.new_source("b", cast.b)
    fleet.send(*drive(fleet.car, 5, 5, occupied=True), source=other)
    derive(fleet)
    for client, first, last in ((api(cast.owner), 0, 4), (api(cast.outsider), 5, 9)):
        properties = track(client, fleet.car, at(8), at(9)).json()["properties"]
        assert properties["times"] == [f"2026-03-02T08:0{n}:00Z" for n in range(first, last + 1)]
        for kind in ("trips", "hired-runs"):
            [row] = client.get(f"/api/v1/vehicles/{fleet.car.pk}/{kind}").json()["results"]
            assert row["starts_at"] == f"2026-03-02T08:0{first}:00Z"
            assert row["ends_at"] == f"2026-03-02T08:0{last}:00Z"
            assert close(row["km"], km(4))
    hidden = track(api(cast.outsider), fleet.other_car, at(8), at(9))
    assert hidden.status_code == 404


def test_trips_and_runs_are_listed_and_filtered(fleet, cast, office, django_assert_max_num_queries):
    for car in (fleet.car, fleet.other_car):
        fleet.send(*drive(car, 0, 5, occupied=True), *drive(car, 120, 5, occupied=False))
    derive(fleet, fleet.car, fleet.other_car)
    with django_assert_max_num_queries(10):
        listed = office.get("/api/v1/telemetry/trips").json()["results"]
    assert [row["starts_at"] for row in listed] == ["2026-03-02T08:00:00Z"] * 2 + [
        "2026-03-02T10:00:00Z"
    ] * 2
    query = f"vehicle={fleet.car.pk}&starts_from=2026-03-02T09:00:00Z"
    [row] = office.get(f"/api/v1/telemetry/trips?{query}").json()["results"]
    assert close(row["km"], km(4))
    runs = office.get(f"/api/v1/vehicles/{fleet.car.pk}/hired-runs").json()["results"]
    assert [(run["fixes"], run["running_at_start"]) for run in runs] == [(5, True)]
    empty = office.get("/api/v1/telemetry/hired-runs?has_driver=true").json()["results"]
    assert empty == []


def test_a_source_is_made_with_a_token_shown_once(fleet, office, api):
    answer = office.post("/api/v1/telemetry/sources", {"name": "New"}, format="json")
    assert answer.status_code == 201
    token, pk = answer.json()["token"], answer.json()["id"]
    assert token.startswith("vtt_")
    assert "token" not in office.get(f"/api/v1/telemetry/sources/{pk}").json()
    again = office.post("/api/v1/telemetry/sources", {"name": "New"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "source_name_taken")
    tracker = api(Authorization=f"Bearer {token}")
    empty = {"samples": []}
    assert tracker.post("/api/v1/telemetry/samples", empty, format="json").status_code == 200
    rotated = office.post(f"/api/v1/telemetry/sources/{pk}/rotate-token")
    assert rotated.json()["token"] not in ("", token)
    assert office.post(f"/api/v1/telemetry/sources/{pk}/disable", {}, format="json").json()[
        "disabled_at"
    ]
    assert tracker.post("/api/v1/telemetry/samples", empty, format="json").status_code == 403
    enabled = office.post(f"/api/v1/telemetry/sources/{pk}/enable", {}, format="json").json()
    assert enabled["disabled_at"] is None
    renamed = office.patch(
        f"/api/v1/telemetry/sources/{pk}", {"name": "Newer", "priority": 3}, format="json"
    ).json()
    assert (renamed["name"], renamed["priority"]) == ("Newer", 3)


def test_a_tracker_is_fitted_seen_and_taken_out(fleet, office):
    body = {
        "source": fleet.source.pk,
        "vehicle": fleet.car.pk,
        "external_id": "alpha",
        "starts_at": HELD_FROM.isoformat(),
    }
    answer = office.post("/api/v1/telemetry/fittings", body, format="json")
    assert answer.status_code == 201, answer.content
    fitting = answer.json()
    [device] = office.get("/api/v1/telemetry/devices?external_id=alpha").json()["results"]
    assert (device["id"], device["vehicle"]) == (fitting["device"], fleet.car.pk)
    refused = office.post("/api/v1/telemetry/fittings", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "device_already_fitted")
    ended = office.post(
        f"/api/v1/telemetry/fittings/{fitting['id']}/end",
        {"ends_at": (HELD_FROM + timedelta(days=1)).isoformat()},
        format="json",
    )
    assert ended.json()["ends_at"] == "2025-01-02T00:00:00Z"
    assert office.get(f"/api/v1/telemetry/devices/{device['id']}").json()["vehicle"] is None


def test_what_waits_is_shown_by_device(fleet, office, api, cast):
    for n in range(3):
        fleet.send({"device": "lost", "recorded_at": at(8, n).isoformat()})
    services.replay_quarantine()
    body = office.get("/api/v1/telemetry/quarantine").json()
    assert body["results"] == [
        {
            "source": fleet.source.pk,
            "device": "lost",
            "samples": 3,
            "first_recorded_at": "2026-03-02T08:00:00Z",
            "last_recorded_at": "2026-03-02T08:02:00Z",
        }
    ]
    assert api(cast.outsider).get("/api/v1/telemetry/quarantine").json() == {"results": []}
