"""Opening hours of a station, over any period and any clock change."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from voltop import clock


def open_throughout(hours: clock.Hours, zone: ZoneInfo, start: datetime, end: datetime) -> bool:
    """Whether a place is open for all of [start, end); no hours at all means always open."""
    if not hours:
        return True
    calendar, reached = clock.Calendar(zone, hours), start
    day, last = clock.local_date(start, zone), clock.local_date(end, zone)
    while day <= last:
        for opens, closes in calendar.blocks(day):
            if opens <= reached < closes:
                reached = closes
            if reached >= end:
                return True
        day += timedelta(days=1)
    return False
