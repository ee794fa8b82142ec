"""Distances, boxes and grid cells on the Earth's surface, in degrees (WGS 84) and kilometres.

No PostGIS: a box narrows rows by plain comparisons (or a cell by equality), `haversine_km`
decides. Floats are right here: positions are measurements. Not here: routes and maps.
"""

from dataclasses import dataclass
from math import asin, ceil, cos, degrees, floor, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the WGS 84 ellipsoid, (2a + b) / 3."""

CELL_DEG = 0.01
"""Edge of a grid cell: about 1.1 km north to south, less from west to east."""


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance of two points; off by at most 0.6 % from the ellipsoid's."""
    half_lat, half_lon = radians(lat2 - lat1) / 2, radians(lon2 - lon1) / 2
    a = sin(half_lat) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, a)))


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """All points between two parallels and two meridians, edges included.

    `west > east` means that the box crosses the antimeridian.
    """

    south: float
    west: float
    north: float
    east: float

    @classmethod
    def around(cls, lat: float, lon: float, radius_km: float) -> "BoundingBox":
        """The smallest box that holds every point within `radius_km` of a point."""
        angle = radius_km / EARTH_RADIUS_KM
        south, north = lat - degrees(angle), lat + degrees(angle)
        if south <= -90 or north >= 90:  # a pole is inside, and with it every meridian
            return cls(max(south, -90.0), -180.0, min(north, 90.0), 180.0)
        width = degrees(asin(min(1.0, sin(angle) / cos(radians(lat)))))
        if width >= 180:
            return cls(south, -180.0, north, 180.0)
        return cls(south, _wrap(lon - width), north, _wrap(lon + width))

    def contains(self, lat: float, lon: float) -> bool:
        if not self.south <= lat <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= lon <= self.east
        return lon >= self.west or lon <= self.east

    def longitudes(self) -> list[tuple[float, float]]:
        """The one or two closed ranges of longitude, west ≤ east in each, for a query."""
        if self.west <= self.east:
            return [(self.west, self.east)]
        return [(self.west, 180.0), (-180.0, self.east)]


def grid_cell(lat: float, lon: float, cell_deg: float = CELL_DEG) -> int:
    """The number of the grid cell that holds a point: equal for all points of one cell.

    Cells are counted row by row from the south pole and 180° W; 180° E is 180° W.
    """
    columns = ceil(360 / cell_deg)
    rows = ceil(180 / cell_deg)
    row = min(floor((lat + 90) / cell_deg), rows - 1)
    return row * columns + floor((lon + 180) % 360 / cell_deg) % columns


def _wrap(lon: float) -> float:
    return (lon + 180) % 360 - 180
