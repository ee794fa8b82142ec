"""Open time: over nights, weekends, holidays and clock changes, by examples and by properties."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltop.clock import WEEKDAYS, Calendar, public_holidays

DESK = {day: [["08:00", "13:00"], ["14:00", "18:00"]] for day in WEEKDAYS[:5]}
BERLIN = Calendar(ZoneInfo("Europe/Berlin"), DESK, "DE")
QUARTER = timedelta(minutes=15)


def local(text: str, calendar: Calendar = BERLIN, fold: int = 0) -> datetime:
    naive = datetime.fromisoformat(text).replace(tzinfo=calendar.zone, fold=fold)
    return naive.astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-06-17 09:00", 60, "2026-06-17 10:00"),
        ("2026-06-17 12:30", 60, "2026-06-17 14:30"),  # the desk's lunch
        ("2026-06-17 12:30", 30, "2026-06-17 13:00"),  # exactly when it closes, not an hour later
        ("2026-06-17 17:30", 60, "2026-06-18 08:30"),  # a night
        ("2026-06-17 23:10", 60, "2026-06-18 09:00"),  # begun at night
        ("2026-06-19 17:30", 60, "2026-06-22 08:30"),  # a weekend
        ("2026-06-20 12:00", 1, "2026-06-22 08:01"),  # begun on one
        ("2026-12-24 17:30", 60, "2026-12-28 08:30"),  # Christmas on Friday, then a weekend
        ("2026-04-02 17:30", 60, "2026-04-07 08:30"),  # Easter: four days
        ("2026-03-27 17:30", 60, "2026-03-30 08:30"),  # the weekend on which the clocks go forward
        ("2026-10-23 17:30", 60, "2026-10-26 08:30"),  # and back
        ("2026-06-17 08:00", 9 * 60 * 5, "2026-06-23 18:00"),  # five whole days of it
    ],
)
def test_time_runs_while_the_desk_is_open(start, minutes, end):
    due = BERLIN.after(local(start), timedelta(minutes=minutes))
    assert due == local(end)
    assert BERLIN.open_between(local(start), due) == timedelta(minutes=minutes)


def test_a_desk_without_hours_is_open_through_both_clock_changes():
    always = Calendar(ZoneInfo("America/Los_Angeles"), {})
    for start, hours in (("2026-03-08 00:00", 23), ("2026-11-01 00:00", 25)):
        begun = local(start, always)
        assert always.after(begun, timedelta(hours=hours)) == begun + timedelta(hours=hours)
        assert local(start[:8] + f"{int(start[8:10]) + 1:02} 00:00", always) == begun + timedelta(
            hours=hours
        )


@pytest.mark.parametrize(
    ("on", "block", "hours"),
    [
        ("2026-03-29", ["00:00", "06:00"], 5),  # the hour from two to three was skipped
        ("2026-03-29", ["02:00", "03:00"], 0),
        ("2026-03-29", ["02:30", "04:00"], 1),
        ("2026-10-25", ["00:00", "06:00"], 7),  # and came twice
        ("2026-10-25", ["02:00", "03:00"], 2),
        ("2026-10-25", ["01:00", "02:30"], 1.5),  # it closes when the clocks first show the time
        ("2026-10-25", ["22:00", "24:00"], 2),
    ],
)
def test_a_block_at_a_clock_change_is_longer_or_shorter_by_it(on, block, hours):
    night = Calendar(ZoneInfo("Europe/Berlin"), {"sun": [block]})
    start = local(f"{on} 00:00", night)
    assert night.open_between(start, start + timedelta(days=2)) == timedelta(hours=hours)


def test_a_region_has_its_own_holidays_and_an_unknown_one_none():
    assert date(2026, 7, 9) in public_holidays("BR-SP", 2026)
    assert date(2026, 7, 9) not in public_holidays("BR", 2026)
    assert date(2026, 11, 2) in public_holidays("BR", 2026)
    assert public_holidays("XX", 2026) == public_holidays("DE-NOWHERE", 2026) == frozenset()


def test_who_is_never_open_is_never_late():
    never = Calendar(ZoneInfo("UTC"), {"mon": []})
    at = datetime(2026, 6, 17, tzinfo=UTC)
    assert (never.after(at, QUARTER), never.opens_next(at), never.is_open(at)) == (
        None,
        None,
        False,
    )
    assert never.open_between(at, at + timedelta(days=50)) == timedelta()


def test_the_next_opening():
    assert BERLIN.opens_next(local("2026-06-19 18:00")) == local("2026-06-22 08:00")
    assert BERLIN.opens_next(local("2026-06-19 13:30")) == local("2026-06-19 14:00")
    assert BERLIN.opens_next(local("2026-06-19 17:59")) == local("2026-06-19 17:59")


# --- By the clock on the wall --------------------------------------------------------------------
@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("month", [3, 4, 10, 11])
def test_open_time_is_what_the_clock_on_the_wall_shows(name, month):
    """Quarter by quarter, from UTC to local time only; no block begins or ends in a change."""
    calendar = Calendar(ZoneInfo(name), DESK | {"sun": [["00:00", "05:00"], ["22:00", "24:00"]]})
    at, total = datetime(2026, month, 1, tzinfo=UTC), timedelta()
    start = at
    while at < start + timedelta(days=31):
        shown = at.astimezone(calendar.zone)
        blocks = calendar.hours.get(WEEKDAYS[shown.weekday()], ())
        is_open = any(opens <= f"{shown:%H:%M}" < closes for opens, closes in blocks)
        assert calendar.is_open(at) == is_open, shown
        total += QUARTER * is_open
        at += QUARTER
    assert calendar.open_between(start, at) == total


# --- Whatever the hours --------------------------------------------------------------------------
@st.composite
def calendars(draw):
    quarter = st.integers(0, 96)
    hours = {}
    for day in draw(st.sets(st.sampled_from(WEEKDAYS))):
        edges = sorted(draw(st.sets(quarter, min_size=2, max_size=6)))
        pairs = zip(edges[::2], edges[1::2], strict=False)
        hours[day] = [[f"{n // 4:02}:{n % 4 * 15:02}" for n in pair] for pair in pairs]
    zones = ["Europe/Berlin", "America/Havana", "America/Mexico_City", "Australia/Lord_Howe"]
    region = draw(st.sampled_from(["", "DE", "MX"]))
    return Calendar(ZoneInfo(draw(st.sampled_from(zones))), hours, region)


instants = st.integers(0, 525_600).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(calendars(), instants, st.integers(1, 5000))
def test_the_answer_is_due_at_the_first_instant_by_which_the_time_has_passed(
    calendar, start, minutes
):
    amount = timedelta(minutes=minutes)
    due = calendar.after(start, amount)
    if due is None:
        assert calendar.open_between(start, start + timedelta(days=390)) < amount
        return
    assert calendar.open_between(start, due) == amount
    assert calendar.open_between(start, due - timedelta(seconds=1)) == amount - timedelta(seconds=1)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(calendars(), instants, st.integers(0, 20_000), st.integers(0, 20_000))
def test_open_time_adds_up(calendar, start, one, two):
    middle = start + timedelta(minutes=one)
    end = middle + timedelta(minutes=two)
    parts = calendar.open_between(start, middle) + calendar.open_between(middle, end)
    assert calendar.open_between(start, end) == parts <= end - start
