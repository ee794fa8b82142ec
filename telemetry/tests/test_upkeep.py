"""Partitions ahead, retention, attribution after the fact, and making everything again."""

from datetime import date, timedelta

import pytest

from fleets.services import change_policy
from telemetry import partitions, services
from telemetry.models import Bucket, HiredRun, SampleContribution, Trip
from telemetry.tests.test_derive import derive, drive, everything, wandering
from telemetry.tests.world import NOW, at, sample, stored
from vehicles import services as vehicle_services
from vehicles.models import Assignment, VehicleDay


def keep(cast, provider, days):
    change_policy(provider, actor=cast.actor(provider), values={"telemetry_retention_days": days})


def test_partitions_are_there_before_their_day_begins(db):
    services.make_partitions_ahead(at=at(24 * 400))
    days = {at(24 * (400 + n)).date() for n in range(4)}
    assert partitions.missing(days) == []


def test_each_companys_samples_are_kept_as_long_as_it_wants(fleet, cast):
    """A keeps 1 day, B everything: A's older samples go, one by one, B's stay."""
    keep(cast, cast.b, None)
    for car, source in (
        (fleet.car, fleet.source),
        (fleet.foreign_car, fleet.new_source("b", cast.b)),
    ):
        fleet.send(sample(car, at(8)), sample(car, at(9), soc_pct=1), source=source)
        fleet.send(sample(car, at(9), soc_pct=2), source=source)
    keep(cast, cast.a, 1)
    services.apply_retention(at=at(24 + 8, 30))
    assert stored("vehicle_id, recorded_at") == [
        (fleet.car.pk, at(9)),
        (fleet.foreign_car.pk, at(8)),
        (fleet.foreign_car.pk, at(9)),
    ]
    services.apply_retention(at=at(24 + 10))
    assert {car for (car,) in stored("vehicle_id")} == {fleet.foreign_car.pk}
    assert set(SampleContribution.objects.values_list("vehicle_id", flat=True)) == {
        fleet.foreign_car.pk
    }


@pytest.mark.django_db(transaction=True)
def test_days_past_every_limit_are_dropped_whole(fleet, cast):
    fleet.send(sample(fleet.car, at(8)), sample(fleet.car, at(24 + 8)))
    keep(cast, cast.a, 30)
    services.apply_retention(at=at(24 * 31))
    assert partitions.attached_days() & {date(2026, 3, 2), date(2026, 3, 3)} == {date(2026, 3, 3)}
    assert stored("recorded_at") == [(at(24 + 8),)]
    assert fleet.send(sample(fleet.car, at(9))).accepted == 1


def test_what_was_derived_outlives_its_samples(fleet, cast):
    fleet.send(*drive(fleet.car, 0, 10, occupied=True))
    derive(fleet)
    before = everything()
    keep(cast, cast.a, 1)
    assert cast.b.policy.telemetry_retention_days is None  # so nothing is dropped whole
    services.apply_retention(at=NOW)
    assert stored() == []
    services.rebuild(at(0), at(24))
    assert everything() == before


def test_a_shift_told_later_takes_its_trips(fleet, cast):
    """Runs were the depot's until the shift of that time was written down."""
    fleet.send(*drive(fleet.car, 0, 10, occupied=True), *drive(fleet.car, 60, 5))
    derive(fleet)
    assert set(Trip.objects.values_list("driver", flat=True)) == {None}
    vehicle_services.import_shift_assignment(
        driver=cast.driver,
        vehicle=fleet.car,
        starts_at=at(7),
        ends_at=at(8, 30),
        actor=cast.actor(),
    )
    assert HiredRun.objects.get().driver == cast.driver
    drivers = Trip.objects.order_by("starts_at").values_list("driver", flat=True)
    assert list(drivers) == [cast.driver.pk, None]


def test_a_morning_that_is_uploaded_later_is_the_mornings_driver(fleet, cast):
    """One drives from eight to twelve, another from then on; nine o'clock comes after one."""
    turns = ((cast.driver, at(8), at(12)), (cast.other_driver, at(12), at(20)))
    for driver, starts_at, ends_at in turns:
        vehicle_services.import_shift_assignment(
            driver=driver,
            vehicle=fleet.car,
            starts_at=starts_at,
            ends_at=ends_at,
            actor=cast.actor(),
        )
    fleet.send(*drive(fleet.car, 300, 10))  # from one o'clock
    derive(fleet)
    fleet.send(*drive(fleet.car, 60, 10))
    derive(fleet)
    told = [(trip.starts_at, trip.driver) for trip in Trip.objects.order_by("starts_at")]
    assert told == [(at(9), cast.driver), (at(13), cast.other_driver)]
    [held] = Assignment.objects.filter(vehicle=fleet.car).at(at(14))
    assert held.driver == cast.other_driver


def test_everything_made_again_is_the_same(fleet):
    import random

    fleet.send(*wandering(fleet, random.Random(7)))
    services.derive_pending(at=NOW)
    before = everything()
    for model in (Bucket, Trip, HiredRun, VehicleDay):
        model.objects.all().delete()
    assert services.rebuild(at(0), at(24)) == 2
    assert everything() == before


def test_a_sources_new_priority_counts_once_rebuilt(fleet, cast):
    oem = fleet.new_source("oem", priority=1)
    fleet.send(sample(fleet.car, at(8), soc_pct=90))
    fleet.send(sample(fleet.car, at(8), soc_pct=10), source=oem)
    assert stored("soc_pct_x100") == [(1000,)]
    services.update_source(oem, actor=cast.actor(), priority=200)
    services.rebuild(at(0), at(24))
    assert stored("soc_pct_x100") == [(9000,)]


def test_work_of_many_batches_is_done_and_gone(fleet):
    for n in range(5):
        fleet.send(*drive(fleet.car, 10 * n, 5))
    assert services.derive_pending(at=NOW, limit=3) == 3
    assert services.derive_pending(at=NOW, limit=3) == 2
    assert services.derive_pending(at=NOW) == 0
    assert Bucket.objects.filter(samples__gt=0).count() == 3


def test_the_clock_is_not_asked_for_old_work(fleet):
    fleet.send(sample(fleet.car, at(8)))
    services.derive_pending(at=NOW + timedelta(days=300))
    assert Bucket.objects.get().samples == 1
