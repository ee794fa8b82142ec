"""A vehicle's way as a line: read within the company's own time, simplified to a few points.

Simplified by Visvalingam and Whyatt (1993): the point that spans the smallest triangle with its
neighbours goes first, so that what carries the shape stays. Areas are taken in degrees with
longitudes narrowed by the latitude, which is enough to compare neighbours.
"""

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Any, NamedTuple

from django.db import connection

from vehicles.models import VehicleTenure
from voltop.geo import haversine_km

LONGEST_TRACK = timedelta(days=31)
MAX_READ = 40_000
"""Of more fixes than this every n-th is read, before simplifying."""

JUMP_KMH = 150


class Point(NamedTuple):
    at: datetime
    latitude: float
    longitude: float
    speed_kmh: float | None
    occupied: bool | None


_COUNT = """
SELECT count(*) FROM telemetry_sample
WHERE vehicle_id = %s AND recorded_at >= %s AND recorded_at < %s AND latitude_e7 IS NOT NULL
"""
_READ = """
SELECT recorded_at, latitude_e7 / 1e7::float8, longitude_e7 / 1e7::float8,
    speed_kmh_x10 / 10::float8, occupied
FROM (
    SELECT *, row_number() OVER (ORDER BY recorded_at) AS n FROM telemetry_sample
    WHERE vehicle_id = %s AND recorded_at >= %s AND recorded_at < %s AND latitude_e7 IS NOT NULL
) s WHERE n %% %s = 0 ORDER BY recorded_at
"""


def track(
    vehicle_id: int, provider_id: int | None, start: datetime, end: datetime, *, max_points: int
) -> dict[str, Any]:
    """The way over [start, end) as a GeoJSON Feature; only of times when the provider held the car.

    geometry is null without a fix, a Point with one, else a LineString.
    """
    points: list[Point] = []
    count = 0
    tenures = VehicleTenure.objects.for_provider(provider_id).filter(vehicle_id=vehicle_id)
    for tenure in tenures.overlapping(start, end).order_by("starts_at"):
        low = max(start, tenure.starts_at)
        high = end if tenure.ends_at is None else min(end, tenure.ends_at)
        found, part = _read(vehicle_id, low, high)
        count += found
        points += part
    kept = simplify(points, max_points)
    return {
        "type": "Feature",
        "geometry": _geometry(kept),
        "properties": {
            "vehicle": vehicle_id,
            "fixes": count,
            "times": [point.at for point in kept],
            "speeds_kmh": [point.speed_kmh for point in kept],
            "occupied": [point.occupied for point in kept],
            "jumps": jumps(kept),
        },
    }


def _read(vehicle_id: int, start: datetime, end: datetime) -> tuple[int, list[Point]]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [vehicle_id, start, end])
        [count] = cursor.fetchone()
        every = max(1, -(-count // MAX_READ))
        cursor.execute(_READ, [vehicle_id, start, end, every])
        return count, [Point(row[0].astimezone(UTC), *row[1:]) for row in cursor.fetchall()]


def _geometry(points: Sequence[Point]) -> dict[str, Any] | None:
    if not points:
        return None
    coordinates = [[point.longitude, point.latitude] for point in points]
    if len(coordinates) == 1:
        return {"type": "Point", "coordinates": coordinates[0]}
    return {"type": "LineString", "coordinates": coordinates}


def jumps(points: Sequence[Point]) -> list[int]:
    """The places that could only be reached at more than 150 km/h from the point before."""
    found = []
    for n in range(1, len(points)):
        a, b = points[n - 1], points[n]
        km = haversine_km(a.latitude, a.longitude, b.latitude, b.longitude)
        if km * 3600 > JUMP_KMH * (b.at - a.at).total_seconds():
            found.append(n)
    return found


def simplify(points: Sequence[Point], max_points: int) -> list[Point]:
    """At most `max_points` of the points, both ends among them. O(n log n)."""
    if len(points) <= max_points:
        return list(points)
    narrow = cos(radians(points[0].latitude))
    xs = [point.longitude * narrow for point in points]
    ys = [point.latitude for point in points]
    before = list(range(-1, len(points) - 1))
    after = list(range(1, len(points) + 1))

    def area(n: int) -> float:
        p, q = before[n], after[n]
        return abs((xs[n] - xs[p]) * (ys[q] - ys[p]) - (xs[q] - xs[p]) * (ys[n] - ys[p]))

    areas = [0.0, *(area(n) for n in range(1, len(points) - 1)), 0.0]
    heap = [(areas[n], n) for n in range(1, len(points) - 1)]
    heapq.heapify(heap)
    gone: set[int] = set()
    while len(points) - len(gone) > max_points:
        size, n = heapq.heappop(heap)
        if n in gone or size != areas[n]:
            continue
        gone.add(n)
        p, q = before[n], after[n]
        after[p], before[q] = q, p
        for m in (p, q):
            if 0 < m < len(points) - 1:
                areas[m] = max(size, area(m))
                heapq.heappush(heap, (areas[m], m))
    return [point for n, point in enumerate(points) if n not in gone]
