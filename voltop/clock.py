"""Time: the present instant, and what a local day, week or wall-clock time is in UTC.

Everything stored is UTC; a zone's name is data (of a depot, shift or pay group). Local time is
computed here and nowhere else, never in SQL: PostgreSQL's zone tables may differ from Python's.
All intervals are half-open, `[start, end)`.

Clock changes, one policy: a day begins at the first instant at which its wall clock shows
midnight or later, so days tile time without gap or overlap and last 23, 24 or 25 hours. What a
person types as local time is never guessed: a time that a change skipped or doubled is an error.

Opening hours: {"mon": [["06:00", "14:00"], ["15:00", "24:00"]], …}, local time; a `Calendar` is
such hours in a zone, with public holidays (the `holidays` library) as days off.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError

AREAS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe"}
    | {"Indian", "Pacific"}
)
QUARTER_HOUR = timedelta(minutes=15)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD_DAYS = 400

Hours = Mapping[str, Sequence[Sequence[str]]]


class UnknownTimezone(DomainError):
    """Not an IANA `Area/Location` name (nor UTC): abbreviations and fixed offsets are refused."""

    code = "unknown_timezone"
    status = 400
    message = _("Name a time zone like America/Tijuana.")


class NonexistentLocalTime(DomainError):
    code = "nonexistent_local_time"
    status = 400
    message = _("The clocks skipped this local time.")


class AmbiguousLocalTime(DomainError):
    """The clocks showed this time twice; `extra.candidates` holds both instants."""

    code = "ambiguous_local_time"
    status = 400
    message = _("The clocks showed this local time twice: give an offset.")


def now() -> datetime:
    """The present instant in UTC. A service takes it once and passes it down."""
    return timezone.now()


@cache
def zone_names() -> frozenset[str]:
    """The zone names that a person may choose: `Area/Location`, and UTC."""
    names = {name for name in available_timezones() if name.partition("/")[0] in AREAS}
    return frozenset(names | {"UTC"})


def zone(name: str) -> ZoneInfo:
    """The zone of that name; UnknownTimezone for anything that `zone_names` does not list."""
    if name not in zone_names():
        raise UnknownTimezone(value=name[:64])
    return ZoneInfo(name)


def shown_zone(name: str) -> ZoneInfo:
    """The zone that times are told in; UTC for a name that is none, as no service ever wrote it."""
    return ZoneInfo(name if name in zone_names() else "UTC")


def local_instant(naive: datetime, zone: ZoneInfo) -> datetime:
    """The one UTC instant at which the zone's clocks show `naive`.

    Raises NonexistentLocalTime and AmbiguousLocalTime around clock changes.
    """
    first, second = _candidates(naive, zone)
    if first == second:
        return first
    local = naive.isoformat()
    if first > second:  # in a gap, the earlier offset gives the later instant
        raise NonexistentLocalTime(local=local, zone=zone.key)
    candidates = [at.astimezone(zone).isoformat() for at in (first, second)]
    raise AmbiguousLocalTime(local=local, zone=zone.key, candidates=candidates)


def first_instant(on: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first UTC instant of that local date at which its clocks show `wall` or later.

    Never an error: a skipped time gives the instant of the change, a doubled one the first pass.
    """
    naive = datetime.combine(on, wall)
    first, second = _candidates(naive, zone)
    if first <= second:
        return first
    low, high = second, first  # the change lies in (second, first]; whole seconds
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).replace(tzinfo=None) >= naive:
            high = middle
        else:
            low = middle
    return high


def day_bounds(on: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end (UTC, half-open) of a local date; equal where the zone skipped the date."""
    midnight = time()
    return (
        first_instant(on, midnight, zone),
        first_instant(on + timedelta(days=1), midnight, zone),
    )


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """The local date whose `day_bounds` hold the instant `at`."""
    on = _aware(at).astimezone(zone).date()
    start, end = day_bounds(on, zone)
    # Where the clocks went back over midnight, they showed yesterday's date once more.
    if at < start:
        return on - timedelta(days=1)
    return on + timedelta(days=1) if at >= end else on


def week_bounds(
    on: date, zone: ZoneInfo, *, starts_on: int = 0, starts_hour: int = 0
) -> tuple[datetime, datetime]:
    """Start and end (UTC, half-open) of the week that `on` belongs to.

    The week begins on weekday `starts_on` (0 = Monday) at `starts_hour` o'clock local time; the
    hours of its first date before that still belong to the week before.
    """
    first = on - timedelta(days=(on.weekday() - starts_on) % 7)
    wall = time(hour=starts_hour)
    return (
        first_instant(first, wall, zone),
        first_instant(first + timedelta(days=7), wall, zone),
    )


def quarter_hours(on: date, zone: ZoneInfo) -> list[datetime]:
    """The UTC starts of a local date's quarter hours: 96, or 92 and 100 at a change of an hour."""
    start, end = day_bounds(on, zone)
    return [start + n * QUARTER_HOUR for n in range((end - start) // QUARTER_HOUR)]


# --- Opening hours -------------------------------------------------------------------------------
@lru_cache(maxsize=1024)
def public_holidays(region: str, year: int) -> frozenset[date]:
    """The public holidays of a country ("MX") or a part of one ("BR-SP"), also those moved to a
    working day; none for a region that the library does not know."""
    import holidays  # many countries: loaded when first asked

    country, _dash, part = region.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=year)
    except NotImplementedError:
        return frozenset()
    return frozenset(on for on in found if on.year == year)


@dataclass(frozen=True)
class Calendar:
    """When a place or a desk is open. No hours at all: always, but for the days off.

    A block that ends or begins at a time that the clocks skipped or doubled does so as
    `first_instant` says; so the hours of a day at a clock change are longer or shorter by it.
    """

    zone: ZoneInfo
    hours: Hours
    holiday_region: str = ""
    """Its public holidays are days off; empty: there are none."""

    def blocks(self, on: date) -> list[tuple[datetime, datetime]]:
        """The open periods of a local date, half-open in UTC, in order."""
        if self.holiday_region and on in public_holidays(self.holiday_region, on.year):
            return []
        if not self.hours:
            start, end = day_bounds(on, self.zone)
            return [(start, end)] if start < end else []
        told = self.hours.get(WEEKDAYS[on.weekday()], ())
        found = [(self._at(on, opens), self._at(on, closes)) for opens, closes in told]
        return [(opens, closes) for opens, closes in found if opens < closes]

    def is_open(self, at: datetime) -> bool:
        return any(opens <= at < closes for opens, closes in self._ahead(at, days=1))

    def opens_next(self, at: datetime) -> datetime | None:
        """The instant itself while it is open, else the next opening; None: none in a year."""
        for opens, _closes in self._ahead(at):
            return max(opens, at)
        return None

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """How much open time lies in [start, end)."""
        total = timedelta()
        if end <= start:
            return total
        for opens, closes in self._ahead(start, days=(end - start).days + 3):
            if opens >= end:
                break
            total += min(closes, end) - max(opens, start)
        return total

    def after(self, start: datetime, amount: timedelta) -> datetime | None:
        """The first instant by which so much open time has passed since `start`.

        None where that takes more than a year: whoever is never open is never late.
        """
        left = amount
        for opens, closes in self._ahead(start):
            begin = max(opens, start)
            if closes - begin >= left:
                return begin + left
            left -= closes - begin
        return None

    def _at(self, on: date, wall: str) -> datetime:
        if wall == "24:00":
            return day_bounds(on, self.zone)[1]
        return first_instant(on, time.fromisoformat(wall), self.zone)

    def _ahead(
        self, start: datetime, days: int = LOOK_AHEAD_DAYS
    ) -> Iterator[tuple[datetime, datetime]]:
        """The open periods that end after `start`, in order, over so many local days."""
        first = local_date(start, self.zone)
        for number in range(days):
            for opens, closes in self.blocks(first + timedelta(days=number)):
                if closes > start:
                    yield opens, closes


def _candidates(naive: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants that the offsets before and after a nearby change give for a wall time."""
    if naive.tzinfo is not None:
        raise ValueError("a local time has no offset")
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.astimezone(UTC), second.astimezone(UTC)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return at
