"""Local days, weeks and wall-clock times over every clock change of zones known to bite."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import time_machine

from voltop import clock

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
ZONES = [
    "America/Los_Angeles",
    "America/Tijuana",
    "America/Mexico_City",
    "America/Sao_Paulo",  # midnight skipped, until 2019
    "America/Havana",  # midnight skipped in spring, doubled in autumn
    "America/Santiago",
    "America/Asuncion",
    "America/St_Johns",  # until 2011 the change was at 00:01: back into the day before
    "Europe/Berlin",
    "Europe/Lisbon",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Pyongyang",  # half-hour moves of the zone itself
    "Australia/Lord_Howe",  # half-hour summer time
    "Pacific/Apia",  # skipped 30 December 2011
    "Antarctica/Troll",  # two-hour summer time
]


@cache
def changes_of(name: str) -> list[datetime]:
    """Every instant from 2007 to 2031 at which the zone's offset changes."""
    zone = ZoneInfo(name)
    found = []
    at, end = datetime(2007, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
    while at < end:
        low, high = at, at + DAY
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
        at += DAY
    return found


def test_the_zones_change_often_enough_to_prove_something():
    assert sum(len(changes_of(name)) for name in ZONES) > 500
    assert len(changes_of("Europe/Berlin")) == 50
    assert changes_of("Asia/Kathmandu") == []


@pytest.mark.parametrize("name", ZONES)
def test_a_local_time_is_an_instant_exactly_if_the_clocks_show_it_once(name):
    zone = clock.zone(name)
    for change in changes_of(name):
        shown = defaultdict(list)  # wall time → instants, from UTC to local only
        for step in range(-200, 201):
            at = change.replace(second=0) + step * QUARTER
            shown[at.astimezone(zone).replace(tzinfo=None)].append(at)
        wall = min(shown) + DAY + DAY / 12
        while wall < max(shown) - DAY - DAY / 12:
            instants = shown.get(wall, [])
            if len(instants) == 1:
                assert clock.local_instant(wall, zone) == instants[0]
            elif not instants:
                with pytest.raises(clock.NonexistentLocalTime):
                    clock.local_instant(wall, zone)
            else:
                with pytest.raises(clock.AmbiguousLocalTime) as error:
                    clock.local_instant(wall, zone)
                candidates = map(datetime.fromisoformat, error.value.extra["candidates"])
                assert list(candidates) == instants
            wall += QUARTER


@pytest.mark.parametrize("name", ZONES)
def test_days_tile_time_and_every_instant_belongs_to_the_day_that_holds_it(name):
    zone = clock.zone(name)
    for change in changes_of(name):
        first = change.astimezone(zone).date() - 3 * DAY
        bounds = [clock.day_bounds(first + n * DAY, zone) for n in range(7)]
        for (start, end), (next_start, _end) in pairwise(bounds):
            assert start <= end == next_start
        for step in range(-26, 27):
            for second in (-1, 0, 1):
                at = change + step * timedelta(hours=1) + timedelta(seconds=second)
                start, end = clock.day_bounds(clock.local_date(at, zone), zone)
                assert start <= at < end


@pytest.mark.parametrize("name", ZONES)
def test_a_day_begins_with_its_first_wall_clock_instant(name):
    zone = clock.zone(name)
    for change in changes_of(name):
        for on in (change.astimezone(zone).date() + n * DAY for n in (-1, 0, 1)):
            start, end = clock.day_bounds(on, zone)
            if start < end:
                assert start.astimezone(zone).date() == on
            before = (start - timedelta(seconds=1)).astimezone(zone)
            assert before.date() < on


def hours(bounds: tuple[datetime, datetime]) -> float:
    return (bounds[1] - bounds[0]) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "on", "start", "length_h"),
    [
        ("UTC", date(2026, 3, 8), "2026-03-08T00:00Z", 24),
        ("America/Los_Angeles", date(2026, 3, 8), "2026-03-08T08:00Z", 23),
        ("America/Los_Angeles", date(2026, 11, 1), "2026-11-01T07:00Z", 25),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00Z", 23),
        ("America/Mexico_City", date(2026, 4, 5), "2026-04-05T06:00Z", 24),
        ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00Z", 23),
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00Z", 25),
        ("America/Santiago", date(2026, 4, 4), "2026-04-04T03:00Z", 25),
        ("America/Santiago", date(2026, 9, 6), "2026-09-06T04:00Z", 23),
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00Z", 23),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00Z", 23),
        ("Australia/Lord_Howe", date(2026, 10, 4), "2026-10-03T13:30Z", 23.5),
        ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T13:00Z", 24.5),
        ("Asia/Kathmandu", date(2026, 6, 1), "2026-05-31T18:15Z", 24),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00Z", 0),
        ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30Z", 23.5),
    ],
)
def test_day_bounds_of_known_days(name, on, start, length_h):
    bounds = clock.day_bounds(on, clock.zone(name))
    assert bounds[0] == datetime.fromisoformat(start)
    assert hours(bounds) == length_h


@pytest.mark.parametrize(
    ("name", "on", "count"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 92),
        ("Europe/Berlin", date(2026, 6, 1), 96),
        ("Europe/Berlin", date(2026, 10, 25), 100),
        ("Australia/Lord_Howe", date(2026, 10, 4), 94),
    ],
)
def test_quarter_hours_of_a_day(name, on, count):
    zone = clock.zone(name)
    quarters = clock.quarter_hours(on, zone)
    start, end = clock.day_bounds(on, zone)
    assert len(quarters) == count
    assert (quarters[0], quarters[-1] + QUARTER) == (start, end)
    assert {b - a for a, b in pairwise(quarters)} == {QUARTER}


def test_a_week_begins_at_its_weekday_and_hour():
    tijuana = clock.zone("America/Tijuana")
    expected = (
        datetime.fromisoformat("2026-03-02T12:00Z"),  # Monday 04:00, UTC-8
        datetime.fromisoformat("2026-03-09T11:00Z"),  # Monday 04:00, UTC-7
    )
    for day in range(2, 9):
        bounds = clock.week_bounds(date(2026, 3, day), tijuana, starts_on=0, starts_hour=4)
        assert bounds == expected
    following = clock.week_bounds(date(2026, 3, 9), tijuana, starts_on=0, starts_hour=4)
    assert following[0] == expected[1]


@pytest.mark.parametrize("name", ZONES)
def test_weeks_tile_time_whatever_their_start(name):
    zone = clock.zone(name)
    for change in changes_of(name):
        on = change.astimezone(zone).date()
        for hour in (0, 2, 4):
            starts = {"starts_on": on.weekday(), "starts_hour": hour}
            before = clock.week_bounds(on - DAY, zone, **starts)
            after = clock.week_bounds(on, zone, **starts)
            assert before[0] < before[1] == after[0] < after[1]
            # A jump of at most a day is the most that a week can miss or gain.
            assert 144 <= hours(after) <= 192


@pytest.mark.parametrize(
    ("ends", "paid_h"), [(date(2026, 3, 8), 7), (date(2026, 11, 1), 9), (date(2026, 6, 1), 8)]
)
def test_a_night_shift_lasts_what_utc_says(ends, paid_h):
    zone = clock.zone("America/Tijuana")
    start = clock.local_instant(datetime.combine(ends - DAY, time(22)), zone)
    end = clock.local_instant(datetime.combine(ends, time(6)), zone)
    assert hours((start, end)) == paid_h


def test_a_skipped_and_a_doubled_local_time_are_named_errors():
    zone = clock.zone("America/Tijuana")
    with pytest.raises(clock.NonexistentLocalTime) as skipped:
        clock.local_instant(datetime.fromisoformat("2026-03-08T02:30"), zone)
    assert skipped.value.extra == {"local": "2026-03-08T02:30:00", "zone": "America/Tijuana"}
    with pytest.raises(clock.AmbiguousLocalTime) as doubled:
        clock.local_instant(datetime.fromisoformat("2026-11-01T01:30"), zone)
    assert doubled.value.extra["candidates"] == [
        "2026-11-01T01:30:00-07:00",
        "2026-11-01T01:30:00-08:00",
    ]


@pytest.mark.parametrize(
    "name",
    ["Mars/Base", "../../etc/passwd", "/etc/passwd", "EST", "", "utc", "posix/Europe/Berlin",
     "Etc/GMT+5", "US/Pacific", "Europe/Berlin\0", "Europe", "é" * 500],
)  # fmt: skip
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(clock.UnknownTimezone) as error:
        clock.zone(name)
    assert error.value.status == 400
    assert len(error.value.extra["value"]) <= 64


def test_now_is_utc():
    with time_machine.travel(datetime(2026, 3, 8, 10, 30, tzinfo=UTC), tick=False):
        assert clock.now() == datetime(2026, 3, 8, 10, 30, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_mixing_instants_and_local_times_is_a_mistake():
    berlin = clock.zone("Europe/Berlin")
    with pytest.raises(ValueError, match="offset"):
        clock.local_date(datetime.fromisoformat("2026-01-01T00:00"), berlin)
    with pytest.raises(ValueError, match="offset"):
        clock.local_instant(datetime(2026, 1, 1, tzinfo=UTC), berlin)
