"""Hours worked are instants apart, whatever the clocks on the wall did meanwhile."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from fleets import services as fleet_services
from shifts import services
from shifts.models import ShiftMetrics
from shifts.tests.scene import H, Scene
from voltop import clock

pytestmark = pytest.mark.django_db

# Zones, and how often their clocks change from 2022 to 2030.
ZONES = [
    ("America/Tijuana", 18),
    ("America/Mexico_City", 2),
    ("America/Sao_Paulo", 0),
]
MORE_ZONES = [
    ("America/Los_Angeles", 18),
    ("America/New_York", 18),
    ("America/Havana", 18),
    ("Europe/Berlin", 18),
    ("Europe/London", 18),
    ("Africa/Casablanca", 19),
    ("Asia/Beirut", 18),
    ("Australia/Lord_Howe", 18),
    ("Pacific/Auckland", 18),
]


def night(scene: Scene, zone_name: str, on: date) -> ShiftMetrics:
    """The metrics of a shift from 22:00 on a local date to 6:00 on the next, planned and worked."""
    zone = clock.zone(zone_name)
    starts_at = clock.local_instant(datetime.combine(on, time(22)), zone)
    ends_at = clock.local_instant(datetime.combine(on + timedelta(days=1), time(6)), zone)
    cast = scene.cast
    depot = fleet_services.create_depot(
        cast.a, actor=scene.actor, name=f"{zone_name} {on}", time_zone=zone_name
    )
    planned = scene.scheduled(
        starts_at=starts_at, ends_at=ends_at, depot=depot, at=starts_at - 5 * H
    )
    assert (planned.time_zone, planned.business_date) == (zone_name, on)
    shift = services.start_shift(
        cast.driver, planned=planned, actor=scene.actor, at=starts_at, override_reason="test"
    )
    services.end_shift(shift, actor=scene.actor, at=ends_at)
    services.compute_metrics([shift.pk], at=ends_at)
    return ShiftMetrics.objects.get(shift=shift)


@pytest.mark.parametrize(
    ("on", "hours"),
    [
        (date(2026, 3, 7), 7),  # the clocks go forward on 8 March
        (date(2026, 10, 31), 9),  # and back on 1 November
        (date(2026, 6, 1), 8),
    ],
)
def test_night_in_tijuana(scene: Scene, on: date, hours: int):
    assert night(scene, "America/Tijuana", on).worked_s == hours * 3600


def test_mexico_city_has_no_clock_changes_any_more(scene: Scene):
    for on in (date(2026, 4, 4), date(2026, 10, 24)):
        assert night(scene, "America/Mexico_City", on).worked_s == 8 * 3600


@pytest.mark.parametrize(
    ("zone_name", "count"),
    [*ZONES, *(pytest.param(*zone, marks=pytest.mark.slow) for zone in MORE_ZONES)],
)
def test_the_night_of_every_change_is_shorter_or_longer_by_it(
    scene: Scene, zone_name: str, count: int
):
    changes = list(_changes(ZoneInfo(zone_name)))
    assert len(changes) == count
    for on, difference in changes:
        worked = night(scene, zone_name, on).worked_s
        assert worked == 8 * 3600 - difference.total_seconds(), on


def _changes(zone: ZoneInfo) -> Iterator[tuple[date, timedelta]]:
    """The evening before each change of the zone's clocks from 2022 to 2030, and its size."""
    at = datetime(2022, 1, 1, tzinfo=UTC)
    while at.year < 2031:
        before, after = (t.astimezone(zone).utcoffset() for t in (at, at + H / 2))
        if before != after:
            yield (at.astimezone(zone) - 12 * H).date(), after - before
        at += H / 2
