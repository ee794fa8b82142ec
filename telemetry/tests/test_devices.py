"""Trackers over time: fitted, taken out, moved with the car; and what waits in quarantine."""

from datetime import timedelta
from functools import partial

import pytest

from telemetry import services
from telemetry.errors import DeviceAlreadyFitted, FittingEnded, InvalidFittingPeriod
from telemetry.models import DeviceFitting, QuarantinedSample, TelemetrySource
from telemetry.tests.world import HELD_FROM, NOW, at, rejected, sample, stored
from vehicles import services as vehicle_services


def fit(fleet, vehicle, starts_at, ends_at=None, *, source=None, actor=None, name="alpha"):
    return services.fit_device(
        source or fleet.source,
        actor=actor or fleet.cast.actor(),
        external_id=name,
        vehicle=vehicle,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def heard(fleet, *times, source=None):
    items = [{"device": "alpha", "recorded_at": when.isoformat()} for when in times]
    return fleet.send(*items, source=source)


def test_a_sample_goes_to_the_car_the_tracker_was_in_then(fleet):
    fit(fleet, fleet.car, at(0), at(12))
    fit(fleet, fleet.other_car, at(12))
    heard(fleet, at(11), at(13))
    assert stored("vehicle_id") == [(fleet.car.pk,), (fleet.other_car.pk,)]


def test_a_tracker_is_in_one_car_at_a_time(fleet):
    fit(fleet, fleet.car, at(0), at(12))
    with pytest.raises(DeviceAlreadyFitted) as refused:
        fit(fleet, fleet.other_car, at(11))
    assert refused.value.extra["vehicle"] == fleet.car.pk
    assert fit(fleet, fleet.other_car, at(12)).pk


def test_two_sources_may_use_one_name_for_different_trackers(fleet):
    other = fleet.new_source("other")
    fit(fleet, fleet.car, at(0))
    fit(fleet, fleet.other_car, at(0), source=other)
    heard(fleet, at(1))
    heard(fleet, at(1), source=other)
    assert len(stored()) == 2


def test_a_fitting_ends_once_and_after_its_beginning(fleet):
    fitting = fit(fleet, fleet.car, at(0))
    actor = fleet.cast.actor()
    with pytest.raises(InvalidFittingPeriod):
        services.take_out_device(fitting, actor=actor, ends_at=at(0))
    services.take_out_device(fitting, actor=actor, ends_at=at(5))
    with pytest.raises(FittingEnded):
        services.take_out_device(fitting, actor=actor, ends_at=at(6))
    with pytest.raises(InvalidFittingPeriod):
        fit(fleet, fleet.car, at(8), at(8))


def test_an_end_that_has_not_come_is_brought_forward(fleet):
    fitting = fit(fleet, fleet.car, at(0), at(8))
    take_out = partial(services.take_out_device, fitting, actor=fleet.cast.actor())
    with pytest.raises(FittingEnded):
        take_out(ends_at=at(9), at=at(1))
    assert take_out(ends_at=at(5), at=at(1)).ends_at == at(5)
    with pytest.raises(FittingEnded):
        take_out(ends_at=at(4), at=at(5))


def test_an_unknown_device_waits_and_is_taken_in_once_it_is_fitted(fleet):
    result = heard(fleet, at(7), at(8), at(8), at(9))
    assert (result.accepted, result.quarantined) == (0, 4)
    assert QuarantinedSample.objects.count() == 3
    fit(fleet, fleet.car, at(8))
    assert services.replay_quarantine(at=NOW) == 2
    assert stored("recorded_at") == [(at(8),), (at(9),)]
    assert QuarantinedSample.objects.get().recorded_at == at(7)
    assert services.replay_quarantine(at=NOW) == 0


def test_what_a_source_left_waits_while_it_is_switched_off_and_holds_up_nobody(fleet):
    heard(fleet, at(8))
    fit(fleet, fleet.car, at(8))
    services.disable_source(fleet.source, actor=fleet.cast.actor())
    assert services.replay_quarantine(at=NOW) == 0
    assert QuarantinedSample.objects.count() == 1
    services.enable_source(fleet.source, actor=fleet.cast.actor())
    assert services.replay_quarantine(at=NOW) == 1


def test_quarantine_lasts_a_week(fleet):
    heard(fleet, at(8))
    services.tidy(at=NOW + timedelta(days=7))
    assert QuarantinedSample.objects.count() == 1
    services.tidy(at=NOW + timedelta(days=7, seconds=1))
    assert not QuarantinedSample.objects.exists()


def test_a_companys_tracker_stays_with_it_when_the_car_goes(fleet, cast):
    fit(fleet, fleet.car, HELD_FROM)
    vehicle_services.transfer_vehicle(fleet.car, cast.b, actor=cast.actor(), at=at(12))
    assert DeviceFitting.objects.get().ends_at == at(12)
    result = heard(fleet, at(11), at(13))
    assert (result.accepted, result.quarantined) == (1, 1)


def test_the_platforms_tracker_goes_with_the_car(fleet, cast):
    fit(fleet, fleet.car, HELD_FROM, source=fleet.platform_source, actor=cast.platform)
    vehicle_services.transfer_vehicle(fleet.car, cast.b, actor=cast.actor(), at=at(12))
    assert list(DeviceFitting.objects.order_by("pk").values_list("provider", "ends_at")) == [
        (cast.a.pk, at(12)),
        (cast.b.pk, None),
    ]
    assert heard(fleet, at(11), at(13), source=fleet.platform_source).accepted == 2


def test_counters_follow_the_batches(fleet):
    fleet.send(sample(fleet.car, at(8)), sample(fleet.car, at(8)), sample(fleet.foreign_car, at(8)))
    fleet.send(sample(fleet.car, at(9)))
    assert services.derive_pending(at=NOW) == 2
    source = TelemetrySource.objects.get(pk=fleet.source.pk)
    assert (source.accepted_count, source.duplicate_count, source.rejected_count) == (2, 1, 1)
    assert source.last_errors == {"unknown_vehicle": 1}
    assert source.last_received_at == NOW


def test_another_companys_vehicle_is_not_fitted(fleet):
    from voltop.errors import NotFound

    with pytest.raises(NotFound):
        fit(fleet, fleet.foreign_car, at(0))
    assert rejected(fleet.send(sample(fleet.foreign_car, at(1)))) == [(0, "unknown_vehicle")]
