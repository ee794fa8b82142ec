"""What the cars of the city did on past days: drives, fares, charging; the same at every start.

Pure simulation, without network, by the trip instead of by the second: a car's day is drawn from
the company's name, the car's number and the date. Not here: who is told (`voltop.demo.city.past`),
what a car does now (`voltop.demo.city.cars`).
"""

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from voltop.demo.city.cars import BATTERY_KWH, WH_PER_KM
from voltop.demo.city.company import HOMES
from voltop.demo.city.streets import SPEED_KMH, City, Node

EVERY_S = 120
PLACES = 36
PACE = 0.85
"""Traffic: the share of a street's speed that is driven."""
CHARGE_TO_PCT = 90.0
BAYS_KW = (45.0, 45.0, 11.0, 11.0, 11.0, 11.0)
"""What the bays of a depot give to a car, in their order."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One drive along streets, with or without a fare on board."""

    starts_at: datetime
    way: tuple[Node, ...]
    occupied: bool
    km: float
    seconds: float

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(seconds=round(self.seconds))


@dataclass(slots=True)
class CarDay:
    """One car's local date: its drives in order, and what it began with."""

    number: int
    on: date
    legs: list[Leg]
    soc_pct: float
    odometer_km: float = 0.0
    bay: int = 0
    charge_from: datetime | None = None
    charge_until: datetime | None = None

    @property
    def km(self) -> float:
        return sum(leg.km for leg in self.legs)

    @property
    def soc_after_pct(self) -> float:
        return self.soc_pct - _soc_of(self.km)

    @property
    def energy_kwh(self) -> float:
        return (CHARGE_TO_PCT - self.soc_after_pct) / 100 * BATTERY_KWH


@dataclass
class Diary:
    """The days [first, end) of a company's cars; `end` is the day on which the city began."""

    city: City
    company: str
    zone: ZoneInfo
    cars: int
    first: date
    end: date
    depots: int = 2
    starts_later: dict[int, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = random.Random(f"places of {self.company}")  # noqa: S311 (a simulation)
        self.places = chance.sample(self.city.places, PLACES)
        self.route = cache(self._route)

    def days(self, odometers_km: dict[int, float]) -> list[CarDay]:
        """Every day of every car, by date; `odometers_km` is what each car shows at the end."""
        found = []
        for n in range((self.end - self.first).days):
            on = self.first + timedelta(days=n)
            today = [self._day(number, on) for number in range(self.cars)]
            found += self._charged([day for day in today if day is not None])
        shown = dict(odometers_km)
        for day in reversed(found):
            shown[day.number] -= day.km
            day.odometer_km = shown[day.number]
        return found

    def _day(self, number: int, on: date) -> CarDay | None:
        """Five days in seven, early or late; at the end home to the depot."""
        if (number + on.toordinal()) % 7 in (0, 3) or on < self.starts_later.get(number, on):
            return None
        chance = random.Random(f"{self.company} {number} {on}")  # noqa: S311 (a simulation)
        early = (number + on.isocalendar().week) % 3 > 0
        begins = time(chance.choice((6, 7)) if early else 13, chance.randrange(60))
        at = datetime.combine(on, begins, self.zone).astimezone(UTC)
        over = at + timedelta(hours=chance.uniform(7.0, 8.5))
        home = self.home(number)
        here, legs = home, list[Leg]()
        while at < over:
            pick_up, target = chance.sample(self.places, 2)
            for to, occupied in ((pick_up, False), (target, True)):
                if to != here:
                    legs.append(self._drive(at, here, to, occupied))
                    at, here = legs[-1].ends_at + timedelta(minutes=chance.randint(1, 4)), to
            at += timedelta(minutes=chance.randint(2, 16))
        if here != home:
            legs.append(self._drive(at, here, home, occupied=False))
        return CarDay(number, on, legs, soc_pct=round(chance.uniform(86, CHARGE_TO_PCT), 1))

    def home(self, number: int) -> Node:
        return HOMES[number % self.depots]

    def _drive(self, at: datetime, here: Node, to: Node, occupied: bool) -> Leg:
        way = self.route(here, to)
        km, seconds = _length(self.city, way)[-1]
        return Leg(at, way, occupied, km, seconds)

    def _route(self, here: Node, to: Node) -> tuple[Node, ...]:
        return tuple(self.city.route(here, to))

    def _charged(self, days: list[CarDay]) -> list[CarDay]:
        """Give each car the bay of its depot that is free first, once it is back."""
        free = {
            (depot, bay): datetime.min.replace(tzinfo=UTC)
            for depot in range(self.depots)
            for bay in range(len(BAYS_KW))
        }
        for day in sorted(days, key=lambda day: day.legs[-1].ends_at):
            depot = day.number % self.depots
            back = day.legs[-1].ends_at + timedelta(minutes=3)
            bay = min(range(len(BAYS_KW)), key=lambda bay: max(free[depot, bay], back))
            begun = max(free[depot, bay], back)
            until = begun + timedelta(hours=day.energy_kwh / BAYS_KW[bay])
            until = until.replace(microsecond=0)
            next_day = datetime.combine(day.on + timedelta(days=1), time(5), self.zone)
            if until < next_day and (day.on < self.end - timedelta(days=1)):
                day.bay, day.charge_from, day.charge_until = bay, begun, until
                free[depot, bay] = until + timedelta(minutes=5)
        return days

    def samples(self, day: CarDay, vehicle: int) -> Iterator[dict[str, Any]]:
        """What the car's tracker reported that day, in order."""
        odometer, soc = day.odometer_km, day.soc_pct
        for leg in day.legs:
            yield from self._samples_of(leg, vehicle, odometer, soc)
            odometer += leg.km
            soc -= _soc_of(leg.km)
        if day.charge_from is None or day.charge_until is None:
            return
        kw, at = BAYS_KW[day.bay], day.charge_from
        latitude, longitude = self.city.nodes[self.home(day.number)]
        while at < day.charge_until:
            hours = (at - day.charge_from).total_seconds() / 3600
            yield {
                "vehicle": vehicle,
                "recorded_at": _iso(at),
                "latitude": latitude,
                "longitude": longitude,
                "speed_kmh": 0.0,
                "odometer_km": round(odometer, 2),
                "soc_pct": round(soc + hours * kw / BATTERY_KWH * 100, 1),
                "battery_power_kw": -kw,
                "charging": "dc" if kw > 22 else "ac",
                "plugged": True,
                "ignition": False,
                "occupied": False,
            }
            at += timedelta(minutes=10)

    def _samples_of(
        self, leg: Leg, vehicle: int, odometer_km: float, soc_pct: float
    ) -> Iterator[dict[str, Any]]:
        passed = _length(self.city, leg.way)
        times = [seconds for _km, seconds in passed]
        total = round(leg.seconds)
        for offset in [*range(0, total, EVERY_S), total]:
            done = min(float(offset), times[-1])
            corner = min(bisect_right(times, done), len(times) - 1) - 1
            span = times[corner + 1] - times[corner]
            part = (done - times[corner]) / span
            km = passed[corner][0] + (passed[corner + 1][0] - passed[corner][0]) * part
            speed = (passed[corner + 1][0] - passed[corner][0]) / span * 3600
            low, high = (self.city.nodes[leg.way[corner + n]] for n in (0, 1))
            yield {
                "vehicle": vehicle,
                "recorded_at": _iso(leg.starts_at + timedelta(seconds=offset)),
                "latitude": round(low[0] + (high[0] - low[0]) * part, 6),
                "longitude": round(low[1] + (high[1] - low[1]) * part, 6),
                "speed_kmh": round(speed, 1) if offset < total else 0.0,
                "odometer_km": round(odometer_km + km, 2),
                "soc_pct": round(soc_pct - _soc_of(km), 1),
                "battery_power_kw": round(speed * WH_PER_KM / 1000, 1),
                "charging": "none",
                "plugged": False,
                "ignition": True,
                "occupied": leg.occupied,
            }


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _soc_of(km: float) -> float:
    """The share of the battery (%) that so many kilometres take."""
    return km * WH_PER_KM / 1000 / BATTERY_KWH * 100


def _length(city: City, way: tuple[Node, ...]) -> list[tuple[float, float]]:
    """Kilometres and seconds from the way's begin to each of its corners."""
    steps = [
        (length, length / (SPEED_KMH[kind] * PACE) * 3600)
        for kind, length in (city.edges[one][two] for one, two in pairwise(way))
    ]
    return list(
        accumulate(
            steps, lambda sum_, step: (sum_[0] + step[0], sum_[1] + step[1]), initial=(0.0, 0.0)
        )
    )
