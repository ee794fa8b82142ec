"""Depots."""

import pytest

from fleets import services
from fleets.errors import DepotNameTaken, DepotRetired, InvalidOpeningHours
from fleets.models import AuditEntry, Depot
from voltop import clock

HOURS = {"mon": [["06:00", "14:00"], ["15:00", "24:00"]]}


def test_a_depot_takes_the_providers_zone_and_keeps_what_it_is_given(cast):
    depot = services.create_depot(
        cast.a,
        actor=cast.actor(),
        name="Centro",
        latitude="19.43",
        longitude="-99.13",
        opening_hours=HOURS,
    )
    assert depot.time_zone == "America/Mexico_City"
    assert depot.opening_hours == HOURS
    assert AuditEntry.objects.get(action="depot.created").object_id == str(depot.pk)


@pytest.mark.parametrize(
    "hours",
    [
        {"monday": [["06:00", "14:00"]]},
        {"mon": [["14:00", "06:00"]]},
        {"mon": [["06:00", "06:00"]]},
        {"mon": [["06:00", "14:00"], ["13:00", "15:00"]]},
        {"mon": [["6:00", "14:00"]]},
        {"mon": [["06:00", "24:01"]]},
        {"mon": [["06:00"]]},
        {"mon": "always"},
        {"mon": [[6, 14]]},
        [],
    ],
)
def test_opening_hours_that_make_no_sense_are_refused(cast, hours):
    with pytest.raises(InvalidOpeningHours):
        services.create_depot(cast.a, actor=cast.actor(), name="X", opening_hours=hours)


def test_a_name_is_free_again_when_its_depot_is_retired(cast):
    first = cast.depot()
    with pytest.raises(DepotNameTaken):
        cast.depot()
    services.retire_depot(first, actor=cast.actor(), reason="sold")
    assert cast.depot().pk != first.pk
    assert cast.depot(cast.b).name == first.name


def test_a_retired_depot_is_changed_no_more_and_retires_once(cast):
    depot = services.retire_depot(cast.depot(), actor=cast.actor())
    retired_at = depot.retired_at
    assert services.retire_depot(depot, actor=cast.actor()).retired_at == retired_at
    with pytest.raises(DepotRetired):
        services.update_depot(depot, actor=cast.actor(), name="Sur")


def test_an_unknown_zone_is_refused(cast):
    with pytest.raises(clock.UnknownTimezone):
        services.update_depot(cast.depot(), actor=cast.actor(), time_zone="../../etc/passwd")


def test_a_depot_through_the_api(cast, api):
    client = api(cast.manager)
    body = {"name": "Norte", "latitude": "19.500000", "longitude": "-99.100000"}
    made = client.post("/api/v1/depots", body, format="json")
    assert made.status_code == 201, made.json()
    path = f"/api/v1/depots/{made.json()['id']}"
    changed = client.patch(path, {"grid_limit_kw": "250.0"}, format="json")
    assert changed.json()["grid_limit_kw"] == "250.0"
    assert client.post(f"{path}/retire", {"reason": "sold"}, format="json").status_code == 200
    assert client.get("/api/v1/depots?retired=false").json()["results"] == []
    assert len(client.get("/api/v1/depots?retired=true").json()["results"]) == 1
    assert Depot.objects.get().retired_at is not None


def test_a_half_position_is_refused(cast, api):
    answer = api(cast.manager).post(
        "/api/v1/depots", {"name": "Norte", "latitude": "19.5"}, format="json"
    )
    assert answer.status_code == 400, answer.json()


@pytest.mark.parametrize("given", [{"latitude": "19.4"}, {"longitude": "-99.1"}])
def test_half_a_position_is_none(cast, api, given):
    answer = api(cast.owner).post("/api/v1/depots", {"name": "Half", **given}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_position")
    assert not Depot.objects.unscoped().filter(name="Half").exists()
