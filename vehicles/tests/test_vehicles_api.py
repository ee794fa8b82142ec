"""Vehicles through the API, as staff, as a driver and as a stranger."""

from datetime import timedelta
from decimal import Decimal

import pytest

from fleets import services as fleet_services
from fleets.models import AuditEntry
from vehicles import services
from vehicles.models import Vehicle
from vehicles.services import DayRow, StateRow
from voltop import clock
from voltop.context import Actor

VEHICLES = "/api/v1/vehicles"
LIVE = f"{VEHICLES}/live"
VIN = "WVWZZZE1ZP9000001"


def new(cast, **values):
    return {"vin": VIN, "model": cast.vehicle_model.pk, "label": "Cab 1"} | values


def test_a_dispatcher_registers_a_vehicle_and_reads_it_back(cast, api):
    client = api(cast.dispatcher)
    body = new(cast, plate="abc-1", tenure_starts_at="2008-01-01T00:00:00-08:00")
    made = client.post(VEHICLES, body, format="json")
    assert made.status_code == 201, made.json()
    assert made.json() | {"id": 0, "created_at": "", "updated_at": ""} == {
        "id": 0,
        "status": "in_service",
        "vin": VIN,
        "plate": "ABC1",
        "label": "Cab 1",
        "model": cast.vehicle_model.pk,
        "depot": None,
        "refs": [],
        "created_at": "",
        "updated_at": "",
    }
    path = f"{VEHICLES}/{made.json()['id']}"
    assert client.get(path).json() == made.json()
    tenures = client.get(f"/api/v1/tenures?vehicle={made.json()['id']}").json()["results"]
    assert [t["starts_at"] for t in tenures] == ["2008-01-01T08:00:00Z"]
    plates = client.get(f"{path}/plates").json()["results"]
    assert [(p["plate"], p["ends_at"]) for p in plates] == [("ABC1", None)]


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ({"vin": "1M8GDM9A0KP042788"}, 400, "invalid_vin"),
        ({"plate": "#!"}, 400, "invalid_plate"),
        ({"tenure_starts_at": "2199-01-01T00:00:00Z"}, 400, "invalid_tenure_start"),
        ({"model": 999999}, 400, "object_not_found"),
        ({"status": "retired"}, 400, "unknown_field"),
        ({"label": "Car 1"}, 409, "label_taken"),
    ],
)
def test_a_registration_that_breaks_a_rule_says_which(cast, api, values, status, code):
    cast.vehicle  # noqa: B018 (it has the label)
    answer = api(cast.dispatcher).post(VEHICLES, new(cast, **values), format="json")
    body = answer.json()
    assert (answer.status_code, body["errors"][0]["field"]) == (status, next(iter(values)))
    assert code in (body["code"], body["errors"][0]["code"])
    assert Vehicle.objects.count() == 1


def test_the_list_holds_own_vehicles_only_filters_and_searches(cast, api):
    depot = cast.depot()
    services.update_vehicle(cast.vehicle, actor=cast.actor(), depot=depot, plate="XYZ 9")
    services.send_to_maintenance(cast.other_vehicle, actor=cast.actor(), reason="tyres")
    cast.foreign_vehicle  # noqa: B018
    client = api(cast.viewer)

    def labels(query: str = "") -> list[str]:
        answer = client.get(f"{VEHICLES}{query}")
        assert answer.status_code == 200, answer.json()
        return [row["label"] for row in answer.json()["results"]]

    assert labels() == ["Car 1", "Car 2"]
    assert labels("?ordering=-label") == ["Car 2", "Car 1"]
    assert labels("?status=maintenance,retired") == ["Car 2"]
    assert labels(f"?depot={depot.pk}") == ["Car 1"]
    assert labels("?plate=XYZ9") == ["Car 1"]
    assert labels("?search=xyz") == ["Car 1"]
    assert labels(f"?vin={cast.foreign_vehicle.vin}") == []


def test_the_moves_of_a_vehicle_and_its_timeline(cast, api):
    client = api(cast.manager)
    path = f"{VEHICLES}/{cast.vehicle.pk}"

    def move(name: str, **body: str) -> tuple[int, str]:
        answer = client.post(f"{path}/{name}", body, format="json")
        shown = answer.json()
        return answer.status_code, shown.get("code") or shown["status"]

    assert move("send-to-maintenance") == (400, "reason_required")
    assert move("send-to-maintenance", reason="tyres") == (200, "maintenance")
    assert move("return-to-service") == (200, "in_service")
    assert move("retire", reason="sold") == (409, "illegal_move")
    assert move("take-out-of-service", reason="crash") == (200, "out_of_service")
    assert api(cast.dispatcher).post(f"{path}/retire", {}, format="json").status_code == 403
    assert move("retire", reason="sold") == (200, "retired")
    timeline = client.get(f"{path}/events").json()["results"]
    assert [e["to_state"] for e in timeline] == [
        "in_service",
        "maintenance",
        "in_service",
        "out_of_service",
        "retired",
    ]
    assert client.patch(path, {"label": "x"}, format="json").json()["code"] == "vehicle_retired"


def test_a_stale_change_is_refused_and_a_fresh_one_lands(cast, api):
    client = api(cast.manager)
    path = f"{VEHICLES}/{cast.vehicle.pk}"
    etag = client.get(path)["ETag"]
    first = client.patch(path, {"plate": "new 1"}, format="json", HTTP_IF_MATCH=etag)
    assert (first.status_code, first.json()["plate"]) == (200, "NEW1")
    stale = client.patch(path, {"plate": "new 2"}, format="json", HTTP_IF_MATCH=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")


@pytest.mark.parametrize("below", ["", "/state", "/events", "/plates", "/days"])
def test_another_providers_vehicle_is_missing_byte_for_byte(cast, api, below):
    client = api(cast.owner)
    foreign = client.get(f"{VEHICLES}/{cast.foreign_vehicle.pk}{below}")
    missing = client.get(f"{VEHICLES}/999999{below}")
    assert foreign.status_code == missing.status_code == 404
    one, two = foreign.json(), missing.json()
    assert one.pop("request_id") != two.pop("request_id")
    assert one == two


def test_a_driver_calls_no_staff_function(cast, api):
    client = api(cast.driver.user)
    for path in (VEHICLES, LIVE, f"{VEHICLES}/{cast.vehicle.pk}", "/api/v1/assignments"):
        assert client.get(path).status_code == 403


def test_a_vehicle_goes_only_to_a_company_that_the_caller_may_receive_for(cast, api):
    vehicle = cast.new_vehicle("Cab", tenure_starts_at=clock.now() - timedelta(days=1))
    path = f"{VEHICLES}/{vehicle.pk}/transfer"
    body = {"provider": cast.b.pk, "reason": "sold"}
    assert api(cast.manager).post(path, body, format="json").status_code == 403

    def post(**values: object):
        """As the owner of A, logged in anew: a change of roles ends log-ins."""
        client = api(cast.owner, **{"X-Voltop-Provider": str(cast.a.pk)})
        return client.post(path, body | values, format="json")

    foreign = post()
    unknown = post(provider=999999)
    for refused in (foreign, unknown):
        assert (refused.status_code, refused.json()["code"]) == (400, "object_not_found")
    own = post(provider=cast.a.pk)
    assert (own.status_code, own.json()["code"]) == (400, "transfer_to_self")
    platform = Actor.system("tests", cast.b.pk)
    dispatcher = fleet_services.add_member(cast.b, cast.owner, actor=platform, role="dispatcher")
    assert post().status_code == 400
    fleet_services.end_membership(dispatcher, actor=platform)
    fleet_services.add_member(cast.b, cast.owner, actor=platform, role="owner")
    given = post()
    assert given.status_code == 200, given.json()
    assert api(cast.manager).get(f"{VEHICLES}/{vehicle.pk}").status_code == 404
    assert Vehicle.objects.get(pk=vehicle.pk).provider == cast.b
    assert AuditEntry.objects.filter(action="vehicle.received", provider=cast.b).count() == 1


@pytest.fixture
def city(cast):
    """Three own cars on a map, one foreign, one retired; the present instant."""
    now = clock.now()
    spots = {"North": (19.5, -99.1), "South": (19.3, -99.1), "Far": (-17.8, 178.0)}
    for n, (label, (latitude, longitude)) in enumerate(spots.items()):
        car = cast.new_vehicle(label, tenure_starts_at=now - timedelta(days=1))
        seen = now - timedelta(minutes=20 * n)
        services.merge_states(
            [
                StateRow(
                    car.pk,
                    last_seen_at=seen,
                    position_at=seen,
                    latitude=latitude,
                    longitude=longitude,
                    soc_at=seen,
                    soc_pct=80.0 - 30 * n,
                    activity_at=seen,
                    activity="driving" if n else "charging",
                    activity_since_at=seen,
                )
            ]
        )
    retired = cast.new_vehicle("Gone")
    services.take_out_of_service(retired, actor=cast.actor(), reason="old")
    services.retire_vehicle(retired, actor=cast.actor(), reason="sold")
    cast.foreign_vehicle  # noqa: B018
    return now


def test_the_live_list_filters_by_what_is_known_now(cast, api, city):
    depot = cast.depot()
    south = Vehicle.objects.get(label="South")
    services.update_vehicle(south, actor=cast.actor(), depot=depot)
    client = api(cast.viewer)

    def labels(**query: object) -> list[str]:
        answer = client.get(LIVE, query)
        assert answer.status_code == 200, answer.json()
        return [row["label"] for row in answer.json()["results"]]

    recently = (city - timedelta(minutes=25)).isoformat()
    assert labels() == ["North", "South", "Far"]
    assert labels(depot=depot.pk) == ["South"]
    assert labels(status="in_service,maintenance") == ["North", "South", "Far"]
    assert labels(status="maintenance") == []
    assert labels(activity="driving") == ["South", "Far"]
    assert labels(soc_below=50) == ["Far"]
    assert labels(soc_below=51) == ["South", "Far"]
    assert labels(box="19.4,-100,20,-99") == ["North"]
    assert labels(box="-20,170,20,-99") == ["North", "South", "Far"]
    assert labels(box="-20,-99,20,170") == []
    assert labels(seen_since=recently) == ["North", "South"]
    assert labels(silent_since=recently) == ["Far"]


@pytest.mark.parametrize(
    "box", ["1,2,3", "a,b,c,d", "nan,0,1,1", "5,0,4,1", "0,0,1,181", "1e999,0,1,1"]
)
def test_a_box_that_is_none_is_refused(cast, api, box):
    answer = api(cast.viewer).get(LIVE, {"box": box})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "box")


def test_the_live_list_shows_who_has_it_and_whether_it_is_silent(cast, api, city):
    north, south, far = Vehicle.objects.filter(label__in=["North", "South", "Far"]).order_by("id")
    usual = {"actor": cast.actor(), "kind": "permanent", "starts_at": city - timedelta(hours=1)}
    services.assign(north, cast.driver, **usual)
    services.assign(south, cast.other_driver, **usual)
    services.open_shift_assignment(
        driver=cast.driver,
        vehicle=south,
        starts_at=city - timedelta(minutes=5),
        actor=cast.actor(),
    )
    rows = api(cast.viewer).get(LIVE).json()["results"]
    assert [(r["label"], r["driver"], r["offline"]) for r in rows] == [
        ("North", cast.driver.pk, False),
        ("South", cast.driver.pk, False),
        ("Far", None, True),
    ]
    assert (rows[2]["vehicle"], rows[2]["latitude"], rows[2]["soc_pct"]) == (far.pk, -17.8, 20.0)


def test_the_live_list_tells_what_is_new_since_a_moment(cast, api, city):
    client = api(cast.viewer)
    first = client.get(LIVE, {"updated_since": "2020-01-01T00:00:00Z"}).json()
    assert len(first["results"]) == 3
    paged = client.get(LIVE, {"page_size": 2}).json()
    assert [row["label"] for row in paged["results"]] == ["North", "South"]
    rest = client.get(LIVE, {"page_size": 2, "cursor": paged["next"]}).json()
    assert [row["label"] for row in rest["results"]] == ["Far"]


def test_the_state_of_one_vehicle(cast, api, city):
    north = Vehicle.objects.get(label="North")
    shown = api(cast.viewer).get(f"{VEHICLES}/{north.pk}/state")
    assert shown.status_code == 200
    assert (shown.json()["vehicle"], shown.json()["soc_pct"]) == (north.pk, 80.0)
    assert shown.json()["odometer_km"] is None


def test_the_days_of_one_vehicle_in_their_order(cast, api):
    today = clock.now().date()
    rest = (Decimal(0), Decimal(40), 60, 0, 0, 0, 8640, 86_400, 15_000, None, None, None, 1, 9)
    services.record_days(
        [
            DayRow(
                cast.a.pk,
                cast.vehicle.pk,
                today - timedelta(days=n),
                "UTC",
                86_400,
                Decimal(100 + n),
                *rest,
            )
            for n in range(3)
        ]
    )
    client = api(cast.support)
    path = f"{VEHICLES}/{cast.vehicle.pk}/days"
    rows = client.get(path).json()["results"]
    assert [row["km"] for row in rows] == ["102.000000", "101.000000", "100.000000"]
    assert (rows[2]["wh_per_km"], rows[2]["utilisation_pct"]) == ("150.0", "10.0")
    assert rows[2]["empty_km"] == "60.000000"
    one = client.get(path, {"on_from": today - timedelta(days=1), "on_to": today}).json()
    assert [row["km"] for row in one["results"]] == ["101.000000"]
    assert client.get(f"{VEHICLES}/{cast.other_vehicle.pk}/days").json()["results"] == []


def test_everybody_reads_the_one_catalogue_and_nobody_writes_it(cast, api):
    path = "/api/v1/vehicle-models"
    shown = api(cast.viewer).get(f"{path}/{cast.vehicle_model.pk}").json()
    assert (shown["make"], shown["usable_battery_kwh"]) == ("Nuvola", "50.0")
    assert shown["inlets"] == ["IEC_62196_T2_COMBO"]
    client = api(cast.outsider)
    assert len(client.get(path, {"make": "Nuvola", "year": 2025}).json()["results"]) == 1
    assert client.get(path, {"make": "Nuvola", "year": 2024}).json()["results"] == []
    assert client.post(path, {"make": "Mine"}, format="json").status_code in (403, 405)


@pytest.mark.parametrize("rows", [1, 12])
@pytest.mark.parametrize(("path", "queries"), [(VEHICLES, 3), (LIVE, 3)])
def test_a_list_takes_the_same_number_of_queries_whatever_its_length(
    cast, api, rows, path, queries, django_assert_num_queries
):
    for n in range(rows):
        cast.new_vehicle(f"Car {n}")
    client = api(cast.viewer)
    with django_assert_num_queries(queries):
        assert len(client.get(path).json()["results"]) == rows
