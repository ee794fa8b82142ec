"""Charging sessions: taken row by row, the same again changes nothing, overlaps are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from fleets import services as fleet_services
from reservations import errors, services
from reservations.models import ChargingSession
from reservations.services import SessionRow
from reservations.tests.scene import make_station, plug
from vehicles import services as vehicle_services
from voltop.events import Event

T0 = datetime(2022, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(start_min: int, end_min: int | None, wh: int = 1000, uid: str = "E1", ext: str = ""):
    ends_at = None if end_min is None else T0 + timedelta(minutes=end_min)
    return SessionRow(
        uid, "1", ext or f"{uid}-{start_min}", T0 + timedelta(minutes=start_min), ends_at, wh
    )


def running(ext: str, wh: int, end_min: int | None = None, vehicle: str = "") -> SessionRow:
    ends_at = None if end_min is None else T0 + timedelta(minutes=end_min)
    return SessionRow("E1", "1", ext, T0, ends_at, wh, vehicle)


def take(cast, station, *rows):
    return services.import_sessions(station, rows, actor=cast.actor())


def test_sessions_are_stored_and_the_same_again_changes_nothing(cast):
    station = make_station(cast)
    rows = [row(0, 60), row(60, 90), row(90, 90, 0), row(0, 30, uid="E2")]
    first, again = take(cast, station, *rows), take(cast, station, *rows)
    assert [(r.created, r.error) for r in first] == [(True, None)] * 4
    assert [(r.created, r.error) for r in again] == [(False, None)] * 4
    assert [r.id for r in first] == [r.id for r in again]
    assert ChargingSession.objects.count() == 4


def test_only_a_session_that_is_new_and_over_is_told(cast):
    station = make_station(cast)
    rows = [row(0, 60), row(60, None)]
    results = take(cast, station, *rows)
    take(cast, station, *rows)
    (event,) = Event.objects.filter(object_type="charging_session")
    assert (event.kind, event.object_id) == ("charging_session.ended", results[0].id)
    assert event.related == {"station": station.pk}


def test_what_overlaps_on_a_charger_is_refused_and_loses_nothing_else(cast):
    station = make_station(cast)
    results = take(cast, station, row(0, 60), row(30, 90), row(60, 120), row(30, 90, uid="E2"))
    assert [type(r.error) for r in results] == [
        type(None),
        errors.SessionOverlap,
        type(None),
        type(None),
    ]
    assert results[1].error.extra == {"session": results[0].id}


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (row(60, 59), errors.SessionBackwards),
        (row(0, 1, uid="E9"), errors.EvseUnknown),
    ],
)
def test_a_bad_row_is_refused_by_itself(cast, bad, error):
    results = take(cast, make_station(cast), bad, row(100, 101))
    assert [type(r.error) for r in results] == [error, type(None)]


def test_a_known_id_with_other_values_is_refused(cast):
    station = make_station(cast)
    take(cast, station, row(0, 60, ext="x"))
    result = take(cast, station, row(0, 60, wh=2, ext="x"))[0]
    assert isinstance(result.error, errors.SessionMismatch)
    assert ChargingSession.objects.get().energy_wh == 1000


def test_the_database_refuses_a_session_that_ends_before_it_begins(cast):
    station = make_station(cast)
    values = {
        "provider": cast.a,
        "station": station,
        "evse": plug(station).evse,
        "source": "manual",
        "starts_at": T0,
    }
    with pytest.raises(IntegrityError, match="session_forward"), transaction.atomic():
        ChargingSession.objects.create(ends_at=T0 - timedelta(seconds=1), **values)


def test_sessions_in_bulk_through_the_api(cast, api):
    station = make_station(cast)
    sessions = [
        {
            "evse_uid": "E1",
            "connector_id": "1",
            "external_id": f"s{n}",
            "starts_at": f"2022-03-01T{8 + n:02}:00:00Z",
            "ends_at": f"2022-03-01T{9 + n:02}:00:00Z",
            "energy_wh": 100,
        }
        for n in range(3)
    ]
    sessions.append({**sessions[0], "external_id": "late", "energy_wh": -1})
    sessions.append({**sessions[0], "external_id": "again"})
    body = {"station": station.pk, "rows": sessions}
    answer = api(cast.manager).post("/api/v1/charging-sessions/bulk", body, format="json")
    assert answer.status_code == 200, answer.json()
    found = answer.json()
    assert (found["created"], found["refused"]) == (3, 2)
    assert [r["code"] for r in found["results"][3:]] == ["out_of_range", "session_overlap"]
    assert (
        api(cast.viewer).post("/api/v1/charging-sessions/bulk", body, format="json").status_code
        == 403
    )


def test_a_running_session_goes_on_and_ends_and_its_charger_says_so(cast):
    station = make_station(cast)
    charger, other = plug(station).evse, plug(station, 2).evse

    def one(row: SessionRow) -> tuple[str, str]:
        [result] = take(cast, station, row)
        charger.refresh_from_db()
        return result.outcome if result.error is None else result.error.code, charger.status

    assert one(running("s", 0)) == ("created", "CHARGING")
    assert one(running("s", 500)) == ("updated", "CHARGING")
    assert one(running("s", 500)) == ("duplicate", "CHARGING")
    assert one(running("s", 400)) == ("session_mismatch", "CHARGING")
    assert one(running("s", 900, 45)) == ("updated", "AVAILABLE")
    assert one(running("s", 900, 45)) == ("duplicate", "AVAILABLE")
    assert one(running("s", 900, 50)) == ("session_mismatch", "AVAILABLE")
    other.refresh_from_db()
    assert other.status == "AVAILABLE"
    told = Event.objects.filter(kind="connector.status").order_by("pk")
    assert [(e.from_state, e.to_state) for e in told] == [
        ("AVAILABLE", "CHARGING"),
        ("CHARGING", "AVAILABLE"),
    ]
    assert Event.objects.filter(kind="charging_session.ended").count() == 1


def test_sessions_of_the_past_and_broken_chargers_change_no_status(cast):
    station = make_station(cast)
    take(cast, station, row(0, 60))
    services.set_evse_status(plug(station).evse, actor=cast.actor(), status="OUTOFORDER")
    take(cast, station, row(90, None))
    assert [plug(station, n).evse.status for n in (1, 2)] == ["OUTOFORDER", "AVAILABLE"]


def test_a_session_names_its_car_by_plate_vin_or_ref(cast):
    station, car = make_station(cast), cast.vehicle
    vehicle_services.update_vehicle(car, actor=cast.actor(), plate="ABC-12 34")
    fleet_services.link_object(car, actor=cast.actor(), system="erp", external_id="7:a")
    names = ["abc 12.34", car.vin.lower(), "erp:7:a", "", cast.foreign_vehicle.vin, "erp:8"]
    rows = [
        SessionRow("E1", "1", f"s{n}", T0 + n * HOUR, T0 + (n + 1) * HOUR, 9, name)
        for n, name in enumerate(names)
    ]
    results = take(cast, station, *rows)
    assert [r.error.code if r.error else r.outcome for r in results] == [
        *["created"] * 4,
        *["object_not_found"] * 2,
    ]
    cars = ChargingSession.objects.order_by("pk").values_list("vehicle_id", flat=True)
    assert list(cars) == [car.pk, car.pk, car.pk, None]
    [filled] = take(cast, station, replace(rows[3], vehicle=car.vin))
    assert filled.outcome == "updated"
    [other] = take(cast, station, replace(rows[3], vehicle=cast.other_vehicle.vin))
    assert isinstance(other.error, errors.SessionMismatch)
