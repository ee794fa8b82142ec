"""A batch of samples: what is stored, what is known, what is refused; each sample by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from telemetry import services
from telemetry.errors import SourceDisabled, TooManySamples
from telemetry.models import IngestBatch
from telemetry.tests.world import NOW, at, rejected, sample, stored
from vehicles.models import VehicleState
from voltop.context import Actor
from voltop.errors import NotFound


def test_every_field_is_kept_in_its_unit(fleet):
    result = fleet.send(
        sample(
            fleet.car,
            at(8, 0, 1.5),
            latitude=19.432608,
            longitude=-99.133209,
            altitude_m=2240.4,
            speed_kmh=32.25,
            heading_deg=359.97,
            accuracy_m=4.5,
            odometer_km=15_230.125,
            soc_pct=67.25,
            range_km=210.4,
            battery_power_kw=-49.9,
            battery_temp_c=31.5,
            outside_temp_c=-3.2,
            charging="dc",
            plugged=True,
            ignition=False,
            occupied=True,
        )
    )
    assert (result.accepted, result.duplicates, result.rejected) == (1, 0, [])
    [row] = stored()
    assert row[3:] == (
        *(194_326_080, -991_332_090, 15_230_125, -49_900, 45, 2240, 322, 0, 6725, 2104, 315, -32),
        *(2, True, False, True),
    )
    assert row[1] == at(8, 0, 1.5)


def test_what_is_missing_stays_missing(fleet):
    fleet.send(sample(fleet.car, at(8)))
    [row] = stored()
    assert set(row[3:]) == {None}


def test_times_are_cut_to_the_millisecond(fleet):
    when = at(8) + timedelta(microseconds=123_999)
    fleet.send(sample(fleet.car, when))
    assert stored("recorded_at") == [(at(8) + timedelta(milliseconds=123),)]


def test_one_bad_sample_loses_no_good_one(fleet):
    result = fleet.send(
        sample(fleet.car, at(8)),
        sample(fleet.car, at(8, 1), latitude=90.5, longitude=0, ref="b"),
        sample(fleet.car, at(8, 2)),
    )
    assert result.accepted == 2
    [refused] = result.rejected
    assert (refused.index, refused.ref, refused.error.code) == (1, "b", "out_of_range")
    assert refused.error.field == "latitude"
    assert len(stored()) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recorded_at": "2026-03-02T08:00:00"}, "offset_required"),
        ({"recorded_at": "yesterday"}, "invalid_datetime"),
        ({"recorded_at": 1_700_000_000}, "invalid_datetime"),
        ({"recorded_at": None}, "invalid_datetime"),
        ({"recorded_at": (NOW + timedelta(minutes=6)).isoformat()}, "recorded_in_future"),
        ({"recorded_at": "9999-12-31T23:59:59-12:00"}, "recorded_in_future"),
        ({"recorded_at": "1970-01-01T00:00:00Z"}, "recorded_too_early"),
        ({"recorded_at": "0001-01-01T00:00:00+14:00"}, "recorded_too_early"),
        ({"latitude": 19.4}, "position_incomplete"),
        ({"latitude": True, "longitude": 1}, "invalid_number"),
        ({"latitude": "19.4", "longitude": 1}, "invalid_number"),
        ({"latitude": float("nan"), "longitude": 1}, "out_of_range"),
        ({"soc_pct": float("inf")}, "out_of_range"),
        ({"soc_pct": 100.01}, "out_of_range"),
        ({"speed_kmh": -1}, "out_of_range"),
        ({"odometer_km": 10**400}, "out_of_range"),
        ({"charging": "fast"}, "invalid_choice"),
        ({"charging": 2}, "string_expected"),
        ({"plugged": 1}, "boolean_expected"),
        ({"vehicle": 1.5}, "invalid_number"),
        ({"vehicle": 2**64}, "out_of_range"),
        ({"vehicle": None}, "vehicle_required"),
        ({"device": "x"}, "vehicle_required"),
        ({"vehicle": None, "device": ""}, "too_short"),
        ({"vehicle": None, "device": "x" * 65}, "too_long"),
        ({"vehicle": None, "device": "a\x00b"}, "control_characters"),
        ({"vehicle": None, "device": "\ud800"}, "control_characters"),
    ],
)
def test_a_wrong_sample_is_refused_with_its_code(fleet, change, code):
    result = fleet.send(sample(fleet.car, at(8)), {**sample(fleet.car, at(9)), **change})
    assert rejected(result) == [(1, code)]
    assert result.accepted == len(stored()) == 1


@pytest.mark.parametrize("item", [None, 3, "text", [], {}, [1]])
def test_what_is_no_sample_at_all_is_refused(fleet, item):
    result = fleet.send(item, sample(fleet.car, at(8)))
    assert [index for index, _ in rejected(result)] == [0]
    assert result.accepted == 1


def test_unknown_fields_are_ignored_and_named(fleet):
    result = fleet.send(sample(fleet.car, at(8), foo=1), sample(fleet.car, at(9), bar="x"))
    assert result.accepted == 2
    assert result.unknown_fields == ["bar", "foo"]


def test_the_same_again_changes_nothing(fleet):
    items = [sample(fleet.car, at(8, minute), soc_pct=50) for minute in range(5)]
    fleet.send(*items)
    before = stored("*")
    again = fleet.send(*items)
    assert (again.accepted, again.duplicates) == (0, 5)
    assert stored("*") == before
    assert IngestBatch.objects.last().vehicle_ids == []


def test_the_same_twice_in_one_batch_counts_once(fleet):
    item = sample(fleet.car, at(8), soc_pct=50)
    result = fleet.send(item, item)
    assert (result.accepted, result.duplicates, len(stored())) == (1, 1, 1)


def test_another_companys_car_is_unknown(fleet):
    result = fleet.send(
        sample(fleet.foreign_car, at(8)), {**sample(fleet.car, at(8)), "vehicle": 2**40}
    )
    assert rejected(result) == [(0, "unknown_vehicle"), (1, "unknown_vehicle")]


def test_whose_a_sample_is_is_asked_of_its_own_time(fleet, cast):
    """A car that went to company B at noon: A's source speaks for the morning, B's for the rest."""
    from vehicles import services as vehicle_services

    vehicle_services.transfer_vehicle(fleet.car, cast.b, actor=cast.actor(), at=at(12))
    other = fleet.new_source("trackers", cast.b)
    items = [sample(fleet.car, at(11, 59, 59.999)), sample(fleet.car, at(12))]
    assert rejected(fleet.send(*items)) == [(1, "unknown_vehicle")]
    assert rejected(fleet.send(*items, source=other)) == [(0, "unknown_vehicle")]
    both = [sample(fleet.car, at(10)), sample(fleet.car, at(13))]
    assert fleet.send(*both, source=fleet.platform_source).accepted == 2
    assert len(stored()) == 4


def test_samples_older_than_the_company_keeps_are_refused(fleet, cast):
    from fleets.services import change_policy

    change_policy(cast.a, actor=cast.actor(), values={"telemetry_retention_days": 30})
    result = fleet.send(
        sample(fleet.car, NOW - timedelta(days=31)), sample(fleet.car, NOW - timedelta(days=29))
    )
    assert rejected(result) == [(0, "past_retention")]
    assert result.rejected[0].error.extra == {"retention_days": 30}
    assert result.accepted == 1


def test_a_source_that_is_switched_off_is_refused(fleet, cast):
    services.disable_source(fleet.source, actor=cast.actor())
    with pytest.raises(SourceDisabled):
        fleet.send(sample(fleet.car, at(8)))
    services.enable_source(fleet.source, actor=cast.actor())
    assert fleet.send(sample(fleet.car, at(8))).accepted == 1


def test_a_batch_is_bounded(fleet):
    with pytest.raises(TooManySamples):
        fleet.send(*[sample(fleet.car, at(8))] * 5001)


def test_a_batch_opens_at_most_two_months_of_days(fleet):
    """The oldest days are refused, each sample of them by itself; days that exist always fit."""
    start = datetime(2025, 6, 1, tzinfo=UTC)
    items = [sample(fleet.car, start + timedelta(days=n), ref=n) for n in range(70)]
    result = fleet.send(*items)
    assert result.accepted == 62
    assert rejected(result) == [(n, "too_many_days") for n in range(8)]
    again = fleet.send(*items)
    assert (again.accepted, again.duplicates) == (8, 62)


def test_nobody_sends_as_another_companys_source(fleet, cast):
    with pytest.raises(NotFound):
        services.ingest(fleet.source, [], actor=cast.actor(cast.b))


def test_the_newest_values_reach_the_vehicle_group_by_group(fleet):
    fleet.send(
        sample(fleet.car, at(8), latitude=19.4, longitude=-99.1, speed_kmh=50, soc_pct=80),
        sample(fleet.car, at(8, 1), soc_pct=79, speed_kmh=0),
        sample(fleet.car, at(8, 2), odometer_km=1000.5, ignition=True),
    )
    fleet.send(sample(fleet.car, at(7), latitude=0, longitude=0, soc_pct=99, charging="ac"))
    state = VehicleState.objects.get(vehicle=fleet.car)
    assert (state.position_at, state.latitude, state.longitude) == (at(8), 19.4, -99.1)
    assert (state.soc_at, state.soc_pct) == (at(8, 1), 79)
    assert (state.odometer_km, state.last_seen_at) == (1000.5, at(8, 2))
    assert (state.charging, state.charging_at) == ("ac", at(7))
    assert (state.activity, state.activity_since_at) == ("idle", at(8, 1))


def test_a_batch_leaves_what_it_touched_to_be_worked_on(fleet):
    fleet.send(
        sample(fleet.car, at(9)),
        sample(fleet.other_car, at(8)),
        sample(fleet.car, at(7)),
        sample(fleet.car, at(8), soc_pct=120),
    )
    batch = IngestBatch.objects.get()
    assert batch.vehicle_ids == [fleet.car.pk, fleet.other_car.pk]
    assert batch.starts_at == [at(7), at(8)]
    assert batch.ends_at == [at(9), at(8)]
    assert (batch.accepted_count, batch.rejected_count) == (3, 1)
    assert batch.errors == {"out_of_range": 1}


def test_a_source_that_repeated_itself_is_looked_up_until_it_is_clean(fleet, monkeypatch):
    from telemetry import store

    direct = []
    write_new = store.write_new
    monkeypatch.setattr(store, "write_new", lambda rows: direct.append(1) or write_new(rows))
    minute = iter(range(600))

    def clean():
        fleet.send(sample(fleet.car, at(0, next(minute))))
        return len(direct)

    assert clean() == 1
    fleet.send(sample(fleet.car, at(0, 0)))
    assert len(direct) == 2
    assert [clean() for _ in range(20)] == [2] * 20
    assert clean() == 3


def test_only_the_platform_speaks_for_its_sources(fleet, cast):
    with pytest.raises(NotFound):
        services.rotate_token(fleet.platform_source, actor=cast.actor())
    with pytest.raises(NotFound):
        services.fit_device(
            fleet.platform_source,
            actor=cast.actor(),
            external_id="d1",
            vehicle=fleet.car,
            starts_at=at(0),
        )
    assert services.rotate_token(fleet.platform_source, actor=Actor.system("tests"))[1]
