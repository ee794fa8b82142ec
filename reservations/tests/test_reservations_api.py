"""Bookings through the API: staff, drivers, strangers."""

from reservations.models import Reservation
from reservations.tests.scene import make_station, plug, tomorrow

STAFF, OWN = "/api/v1/reservations", "/api/v1/me/reservations"


def wish(station, vehicle, **values):
    return {
        "station": station.pk,
        "vehicle": vehicle.pk,
        "starts_at": tomorrow(10).isoformat(),
        "ends_at": tomorrow(11).isoformat(),
    } | values


def post(client, path, body=None, key="k-1"):
    return client.post(path, body or {}, format="json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_booking_its_conflict_and_its_end(cast, api):
    station = make_station(cast, chargers=1)
    client = api(cast.dispatcher)
    made = post(client, STAFF, wish(station, cast.vehicle))
    assert made.status_code == 201, made.json()
    assert made.json()["status"] == "reserved"
    lost = post(client, STAFF, wish(station, cast.other_vehicle), "k-2")
    assert (lost.status_code, lost.json()["code"]) == (409, "connector_taken")
    assert lost.json()["extra"]["free"][0]["starts_at"] == tomorrow(11).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    path = f"{STAFF}/{made.json()['id']}"
    canceled = post(client, f"{path}/cancel", {"reason": "rain"}, "k-3")
    assert canceled.json()["status"] == "canceled"
    events = client.get(f"{path}/events").json()["results"]
    assert [e["to_state"] for e in events] == ["reserved", "canceled"]
    assert post(client, STAFF, wish(station, cast.other_vehicle), "k-4").status_code == 201


def test_the_same_key_books_once(cast, api):
    station = make_station(cast)
    client = api(cast.dispatcher)
    answers = [post(client, STAFF, wish(station, cast.vehicle)) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert Reservation.objects.count() == 1
    bare = client.post(STAFF, wish(station, cast.vehicle), format="json")
    assert (bare.status_code, bare.json()["code"]) == (400, "idempotency_key_required")


def test_a_driver_books_sees_and_cancels_only_their_own(cast, api):
    station = make_station(cast)
    driver = api(cast.driver.user)
    made = post(driver, OWN, wish(station, cast.vehicle))
    assert made.status_code == 201, made.json()
    assert (made.json()["kind"], made.json()["driver"]) == ("driver", cast.driver.pk)
    other = api(cast.other_driver.user)
    path = f"{OWN}/{made.json()['id']}"
    assert other.get(path).status_code == 404
    assert post(other, f"{path}/cancel").status_code == 404
    assert driver.get(STAFF).status_code == 403
    canceled = post(driver, f"{path}/cancel", key="k-2").json()
    assert (canceled["status"], canceled["cancel_reason"]) == ("canceled", "driver")


def test_another_companys_things_are_not_found(cast, api):
    station = make_station(cast)
    answer = post(api(cast.outsider), STAFF, wish(station, cast.foreign_vehicle))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "object_not_found"


def test_what_is_free_at_a_station(cast, api):
    station = make_station(cast)
    post(api(cast.dispatcher), STAFF, wish(station, cast.vehicle, connector=plug(station).pk))
    query = f"?start={tomorrow(9):%Y-%m-%dT%H:%M:%SZ}&end={tomorrow(12):%Y-%m-%dT%H:%M:%SZ}"
    rows = api(cast.viewer).get(f"/api/v1/stations/{station.pk}/availability{query}").json()
    assert [[w["starts_at"][11:16] for w in row["free"]] for row in rows] == [
        ["09:00", "11:00"],
        ["09:00"],
    ]
    bad = api(cast.viewer).get(f"/api/v1/stations/{station.pk}/availability?start=now")
    assert bad.status_code == 400


def test_a_station_is_set_up_through_the_api(cast, api):
    client = api(cast.manager)
    made = client.post(
        "/api/v1/stations", {"name": "Basel", "reservation_max_min": 0}, format="json"
    )
    assert made.status_code == 201, made.json()
    station = made.json()
    assert (station["country"], station["time_zone"]) == ("MX", "America/Mexico_City")
    evse = client.post(
        "/api/v1/evses", {"station": station["id"], "uid": "E1"}, format="json"
    ).json()
    body = {
        "evse": evse["id"],
        "connector_id": "1",
        "standard": "IEC_62196_T2",
        "power_type": "AC_3_PHASE",
        "max_power_kw": "22.0",
    }
    assert client.post("/api/v1/connectors", body, format="json").status_code == 201
    broken = client.post(
        f"/api/v1/evses/{evse['id']}/status", {"status": "OUTOFORDER"}, format="json"
    )
    assert broken.json()["status"] == "OUTOFORDER"
    taken = client.post("/api/v1/stations", {"name": "Basel"}, format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "station_name_taken")


def test_the_list_takes_the_same_number_of_queries_whatever_its_length(
    cast, api, django_assert_num_queries
):
    station = make_station(cast)
    client = api(cast.dispatcher)
    for n in range(3):
        post(
            client,
            STAFF,
            wish(
                station,
                cast.vehicle,
                starts_at=tomorrow(10 + n).isoformat(),
                ends_at=tomorrow(11 + n).isoformat(),
            ),
            f"k-{n}",
        )
    with django_assert_num_queries(3):
        assert len(client.get(STAFF).json()["results"]) == 3
