"""Electric cars that drive, carry fares, stand and charge, in real time on the city's streets.

Pure simulation: no network. `Car.step` moves a car by some seconds; `Car.sample` is what its
tracker would report. Consumption 165 Wh/km and 50 kW charging on a 52 kWh battery, tapering above
80 %.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voltop.demo.city.streets import SPEED_KMH, City, Node
from voltop.geo import haversine_km

BATTERY_KWH, WH_PER_KM, CHARGE_KW = 52.0, 165.0, 50.0
LOW_PCT, FULL_PCT = 18.0, 88.0


@dataclass
class Car:
    """One car: where on its way it is, what it does, and how full it is."""

    city: City
    vehicle_id: int
    chance: random.Random
    home: Node
    soc_pct: float = 70.0
    odometer_km: float = 20_000.0
    occupied: bool = False
    charging: bool = False
    on_duty: bool = True
    """Whether somebody works in it now; else it goes home and stands there."""
    wait_s: float = 0.0
    speed_kmh: float = 0.0
    heading_deg: float = 0.0
    way: list[Node] = field(default_factory=list)
    along_km: float = 0.0

    def __post_init__(self) -> None:
        self.at = self.home
        self.position = self.city.nodes[self.home]

    def step(self, seconds: float) -> None:
        """Live for so many seconds."""
        if self.charging:
            self._charge(seconds)
        elif self.wait_s > 0:
            self.wait_s -= seconds
            self.speed_kmh = 0.0
        elif len(self.way) < 2:
            self._decide()
        else:
            self._drive(seconds)

    def _charge(self, seconds: float) -> None:
        taper = 1.0 if self.soc_pct < 80 else 0.35
        self.soc_pct += CHARGE_KW * taper * seconds / 3600 / BATTERY_KWH * 100
        if self.soc_pct >= FULL_PCT:
            self.charging = False

    def _decide(self) -> None:
        """At the end of a way: set the fare down, charge, wait, or go where somebody waits."""
        if not self.on_duty:
            self.occupied, self.speed_kmh = False, 0.0
            if self.at != self.home:
                self.way = self.city.route(self.at, self.home)
            elif self.soc_pct < FULL_PCT - 10:
                self.charging = True
            return
        self.occupied = not self.occupied and self.chance.random() < 0.65
        if self.soc_pct < LOW_PCT and not self.occupied:
            if self.at == self.home:
                self.charging, self.speed_kmh = True, 0.0
                return
            self.way = self.city.route(self.at, self.home)
            return
        if not self.occupied and self.chance.random() < 0.5:
            self.wait_s = self.chance.uniform(20, 240)
        target = self.chance.choice(self.city.places)
        self.way = self.city.route(self.at, target)
        self.along_km = 0.0

    def _drive(self, seconds: float) -> None:
        left_s = seconds
        while left_s > 0 and len(self.way) >= 2:
            kind, length = self.city.edges[self.way[0]][self.way[1]]
            self.speed_kmh = SPEED_KMH[kind] * self.chance.uniform(0.75, 1.1)
            reach = self.speed_kmh * left_s / 3600
            rest = length - self.along_km
            moved = min(reach, rest)
            self._use(moved)
            left_s -= moved / self.speed_kmh * 3600 + 1e-6
            if moved < rest:
                self.along_km += moved
            else:
                self.way.pop(0)
                self.along_km = 0.0
                self.at = self.way[0]
        self._place()

    def _use(self, km: float) -> None:
        self.odometer_km += km
        self.soc_pct = max(2.0, self.soc_pct - km * WH_PER_KM / 1000 / BATTERY_KWH * 100)

    def _place(self) -> None:
        here = self.city.nodes[self.at]
        if len(self.way) < 2:
            self.position = here
            return
        there = self.city.nodes[self.way[1]]
        share = self.along_km / max(haversine_km(*here, *there), 1e-6)
        self.position = (
            here[0] + (there[0] - here[0]) * share,
            here[1] + (there[1] - here[1]) * share,
        )
        east = (there[1] - here[1]) * math.cos(math.radians(here[0]))
        self.heading_deg = math.degrees(math.atan2(east, there[0] - here[0])) % 360

    def sample(self, at: datetime) -> dict[str, Any]:
        """What the tracker reports at that instant."""
        return {
            "vehicle": self.vehicle_id,
            "recorded_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "latitude": round(self.position[0], 6),
            "longitude": round(self.position[1], 6),
            "speed_kmh": round(self.speed_kmh, 1),
            "heading_deg": round(self.heading_deg, 1) % 360,
            "odometer_km": round(self.odometer_km, 2),
            "soc_pct": round(self.soc_pct, 1),
            "range_km": round(self.soc_pct / 100 * BATTERY_KWH * 1000 / WH_PER_KM),
            "battery_power_kw": -CHARGE_KW if self.charging else round(self.speed_kmh * 0.16, 1),
            "charging": "dc" if self.charging else "none",
            "plugged": self.charging,
            "ignition": not self.charging and (self.on_duty or self.speed_kmh > 0),
            "occupied": self.occupied,
        }
