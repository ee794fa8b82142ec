"""Opening hours of a station, over any period and any clock change."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from voltop import clock

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Hours = Mapping[str, Sequence[Sequence[str]]]


def open_throughout(hours: Hours, zone: ZoneInfo, start: datetime, end: datetime) -> bool:
    """Whether a place is open for all of [start, end); no hours at all means always open."""
    if not hours:
        return True
    reached = start
    for opens, closes in _blocks(hours, zone, start, end):
        if opens <= reached < closes:
            reached = closes
        if reached >= end:
            return True
    return False


def _blocks(
    hours: Hours, zone: ZoneInfo, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Open periods in UTC, in order, of every local day that the period meets."""
    day, last = clock.local_date(start, zone), clock.local_date(end, zone)
    found: list[tuple[datetime, datetime]] = []
    while day <= last:
        for opens, closes in hours.get(WEEKDAYS[day.weekday()], ()):
            if closes == "24:00":
                until = clock.day_bounds(day, zone)[1]
            else:
                until = clock.first_instant(day, time.fromisoformat(closes), zone)
            found.append((clock.first_instant(day, time.fromisoformat(opens), zone), until))
        day += timedelta(days=1)
    return found
