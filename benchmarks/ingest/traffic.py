"""Batches of samples, the same for every program: keys that are new, values that look real.

A body is drawn up once for each group of vehicles, with a placeholder for the minute; putting in
another minute makes new keys at next to no cost for the sender.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_MINUTE = "@@@@@@@@@@@@@@@@"
_EARLIER = "################"
_STAMP = "%Y-%m-%dT%H:%M"
_ORDER_WINDOW = 40

Body = Callable[[], bytes]


@dataclass(frozen=True)
class Shape:
    """`vehicles` × `per_vehicle` samples a batch, by time, as a forwarder sends them."""

    vehicles: int = 50
    per_vehicle: int = 10
    all_fields: bool = False

    @property
    def samples(self) -> int:
        return self.vehicles * self.per_vehicle


USUAL = Shape()


def values(rng: random.Random, *, all_fields: bool) -> dict[str, Any]:
    """What a car sends; the eleven columns that most cars have, or all of a sample's."""
    found: dict[str, Any] = {
        "latitude": round(19.3 + rng.random() / 5, 7),
        "longitude": round(-99.2 + rng.random() / 5, 7),
        "speed_kmh": round(rng.random() * 90, 1),
        "heading_deg": round(rng.random() * 359, 1),
        "odometer_km": round(rng.random() * 90_000, 3),
        "soc_pct": round(rng.random() * 100, 2),
        "battery_power_kw": round(rng.random() * 60 - 20, 3),
        "charging": "none",
        "ignition": True,
    }
    if all_fields:
        found |= {
            "altitude_m": round(rng.random() * 2300),
            "accuracy_m": round(rng.random() * 30, 1),
            "range_km": round(rng.random() * 400, 1),
            "battery_temp_c": round(rng.random() * 40, 1),
            "outside_temp_c": round(rng.random() * 35, 1),
            "plugged": False,
            "occupied": rng.random() < 0.5,
        }
    return found


def drawn(vehicles: list[int], shape: Shape, rng: random.Random, *, repeated: float = 0) -> bytes:
    """A body of one group. With a share to repeat, so many of its samples are ones of the minute
    before in the same words, and all are shuffled.
    """
    keys = [(vehicle, second) for second in range(shape.per_vehicle) for vehicle in vehicles]
    again = round(len(keys) * repeated)
    if again:
        rng.shuffle(keys)
    texts = {key: _text(*key, all_fields=shape.all_fields) for key in keys}
    fresh = [texts[key] for key in keys[: len(keys) - again]]
    everything = fresh + [text.replace(_MINUTE, _EARLIER) for text in fresh[:again]]
    if again:
        rng.shuffle(everything)
    return ('{"samples":[' + ",".join(everything) + "]}").encode()


def _text(vehicle: int, second: int, *, all_fields: bool) -> str:
    rng = random.Random(vehicle * 60 + second)
    time = {"vehicle": vehicle, "recorded_at": f"{_MINUTE}:{second:02d}.000Z"}
    return json.dumps({**time, **values(rng, all_fields=all_fields)}, separators=(",", ":"))


class Traffic:
    """Bodies without end from `start` on, minute by minute, group by group."""

    def __init__(
        self, vehicles: list[int], start: datetime, shape: Shape = USUAL, *, repeated: float = 0
    ) -> None:
        self.start = start
        rng = random.Random(1)
        groups = [
            vehicles[at : at + shape.vehicles]
            for at in range(0, len(vehicles) - shape.vehicles + 1, shape.vehicles)
        ]
        self._templates = [drawn(group, shape, rng, repeated=repeated) for group in groups]
        self._rng = rng
        self._disorder = repeated > 0

    def bodies(self) -> Iterator[Body]:
        """Where a share is repeated, the batches come out of order too."""
        pairs = ((minute, template) for minute in itertools.count() for template in self._templates)
        while True:
            window = list(itertools.islice(pairs, _ORDER_WINDOW))
            if self._disorder:
                self._rng.shuffle(window)
            for minute, template in window:
                yield self._body(template, minute)

    def _body(self, template: bytes, minute: int) -> Body:
        now = (self.start + timedelta(minutes=minute)).strftime(_STAMP).encode()
        before = (self.start + timedelta(minutes=minute - 1)).strftime(_STAMP).encode()

        def make() -> bytes:
            return template.replace(_MINUTE.encode(), now).replace(_EARLIER.encode(), before)

        return make
