"""What the fleet did: the recorded day of real cabs, or a generated one of the same form.

A file reads `timestamp,cab,latitude,longitude,occupied`: seconds since 1970 (UTC), a name,
degrees, 1 with a fare on board.
"""

import csv
import gzip
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Los_Angeles")
FILE = Path("fleet-positions-cabs") / "one_day.csv.gz"
GENERATED_ON = date(2008, 5, 14)
GENERATED_CABS = 12
MEAN_RADIUS_KM = 6371.0088


class Fix(NamedTuple):
    """One row of the file, as it stands there."""

    timestamp: int
    cab: str
    latitude: float
    longitude: float
    occupied: bool


@dataclass(frozen=True)
class Day:
    """Who drove, and on which local dates; read once before the fixes themselves."""

    path: Path
    rows: int
    cabs: tuple[str, ...]
    first: datetime
    last: datetime

    @property
    def week(self) -> tuple[date, date]:
        """The ISO week [Monday, Monday) of the first local date."""
        on = self.first.astimezone(ZONE).date()
        monday = on - timedelta(days=on.weekday())
        return monday, monday + timedelta(days=7)


def read(path: Path) -> Iterator[Fix]:
    """The rows of a file, one by one."""
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.reader(file):
            if row[0] != "timestamp":
                yield Fix(int(row[0]), row[1], float(row[2]), float(row[3]), row[4].strip() == "1")


def look_through(path: Path) -> Day:
    """Read the file once: how many rows, which cabs, from when to when."""
    cabs: set[str] = set()
    rows, first, last = 0, math.inf, -math.inf
    for fix in read(path):
        rows += 1
        cabs.add(fix.cab)
        first, last = min(first, fix.timestamp), max(last, fix.timestamp)
    if not rows:
        raise ValueError(f"{path} has no rows")
    return Day(
        path,
        rows,
        tuple(sorted(cabs)),
        datetime.fromtimestamp(first, UTC),
        datetime.fromtimestamp(last, UTC),
    )


def generate(path: Path, *, cabs: int = GENERATED_CABS, seed: int = 1) -> None:
    """Write a day of a small fleet in the same form: fares, silences, one cab that only stands."""
    draw = random.Random(seed)  # noqa: S311 (a made-up day, not a secret)
    midnight = datetime.combine(GENERATED_ON, time(), ZONE)
    fixes = [
        fix
        for number in range(cabs - 1)
        for fix in _wander(f"cab{number:03d}", int(midnight.timestamp()), draw)
    ]
    noon = int(midnight.timestamp()) + 12 * 3600
    idle = f"cab{cabs - 1:03d}"
    fixes += [Fix(noon + 60 * n, idle, 37.77, -122.43, occupied=False) for n in range(30)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Fix._fields)
        for fix in sorted(fixes):
            row = (*fix[:2], f"{fix.latitude:.5f}", f"{fix.longitude:.5f}", int(fix.occupied))
            writer.writerow(row)


def _wander(cab: str, midnight: int, draw: random.Random) -> Iterator[Fix]:
    """Nine hours of one cab: a minute or so between fixes, fares of some minutes."""
    at = midnight + draw.randrange(6 * 3600, 9 * 3600)
    over = at + 9 * 3600
    latitude, longitude = 37.77 + draw.uniform(-0.03, 0.03), -122.43 + draw.uniform(-0.03, 0.03)
    occupied = draw.random() < 0.3
    changes_at = at + draw.randrange(300, 1500)
    while at < over:
        yield Fix(at, cab, latitude, longitude, occupied)
        pause = 1800 if draw.random() < 0.01 else draw.randrange(45, 75)
        at += pause
        if at >= changes_at:
            occupied = not occupied
            changes_at = at + draw.randrange(300, 1500)
        if draw.random() < 0.8:
            latitude = min(37.84, max(37.70, latitude + draw.uniform(-0.004, 0.004)))
            longitude = min(-122.36, max(-122.51, longitude + draw.uniform(-0.005, 0.005)))
