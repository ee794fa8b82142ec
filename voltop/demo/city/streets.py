"""A city that does not exist: the same streets at every start, drawn and driven on.

A grid of streets bent by a smooth noise, with a river, two bridges' worth of crossings, parks, an
avenue every fifth street and a ring road. Positions are degrees (WGS 84) around `CENTRE`; lengths
km. Not here: who drives (`voltop.demo.city.cars`).
"""

import heapq
import math
import random
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from voltop.geo import haversine_km

Point = tuple[float, float]
Node = tuple[int, int]
COLUMNS, ROWS, SPACING_KM = 26, 20, 0.36
CENTRE: Point = (19.4035, -99.1702)
BRIDGES = (4, 9, 15, 20)
PARKS = (((5, 12), (8, 15)), ((17, 3), (20, 5)), ((12, 8), (13, 9)))


@dataclass
class City:
    """Streets as a graph: `nodes` by grid place, `edges` with a kind and a length."""

    seed: int = 7
    nodes: dict[Node, Point] = field(default_factory=dict)
    edges: dict[Node, dict[Node, tuple[str, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311 (a drawing, not a secret)
        for column in range(COLUMNS):
            for row in range(ROWS):
                if not _in_park((column, row)):
                    self.nodes[(column, row)] = _place(column, row, chance)
        for node in self.nodes:
            for other in ((node[0] + 1, node[1]), (node[0], node[1] + 1)):
                if other in self.nodes and _is_built(node, other, chance):
                    self._connect(node, other)
        self._keep_what_hangs_together()

    def _connect(self, one: Node, other: Node) -> None:
        length = haversine_km(*self.nodes[one], *self.nodes[other])
        kind = _kind(one, other)
        self.edges.setdefault(one, {})[other] = (kind, length)
        self.edges.setdefault(other, {})[one] = (kind, length)

    def _keep_what_hangs_together(self) -> None:
        """Drop corners that no street leads to."""
        reached, waiting = set(), [(0, 0)]
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting.extend(self.edges.get(node, {}))
        self.nodes = {node: at for node, at in self.nodes.items() if node in reached}
        self.edges = {node: ways for node, ways in self.edges.items() if node in reached}

    @cached_property
    def places(self) -> list[Node]:
        return sorted(self.nodes)

    def route(self, start: Node, end: Node) -> list[Node]:
        """The quickest way (Dijkstra over driving time), both ends included."""
        best: dict[Node, float] = {start: 0.0}
        before: dict[Node, Node] = {}
        queue = [(0.0, start)]
        while queue:
            cost, node = heapq.heappop(queue)
            if node == end:
                break
            if cost > best[node]:
                continue
            for other, (kind, length) in self.edges[node].items():
                reached = cost + length / SPEED_KMH[kind]
                if reached < best.get(other, math.inf):
                    best[other], before[other] = reached, node
                    heapq.heappush(queue, (reached, other))
        way = [end]
        while way[-1] != start:
            way.append(before[way[-1]])
        return way[::-1]

    def geojson(self) -> dict[str, Any]:
        """The map's ground: water, parks, then streets from small to large."""
        features = [_feature("water", "Polygon", [_river()])]
        features += [_feature("park", "Polygon", [_ring(*corners)]) for corners in PARKS]
        lines: dict[str, list[list[list[float]]]] = {"street": [], "main": [], "motorway": []}
        for node, ways in self.edges.items():
            for other, (kind, _length) in ways.items():
                if node < other:
                    lines[kind].append([_lonlat(self.nodes[node]), _lonlat(self.nodes[other])])
        features += [_feature(kind, "MultiLineString", found) for kind, found in lines.items()]
        return {"type": "FeatureCollection", "features": features}


SPEED_KMH = {"street": 26.0, "main": 42.0, "motorway": 68.0}


def _in_park(node: Node) -> bool:
    return any(low[0] <= node[0] < high[0] and low[1] <= node[1] < high[1] for low, high in PARKS)


def _place(column: float, row: float, chance: random.Random | None = None) -> Point:
    """A crossing's position: the grid, bent by two slow waves and a little chance."""
    shake = (chance.uniform(-0.06, 0.06), chance.uniform(-0.06, 0.06)) if chance else (0.0, 0.0)
    east = (column - COLUMNS / 2 + 0.8 * math.sin(row / 5.3) + shake[0]) * SPACING_KM
    north = (row - ROWS / 2 + 0.9 * math.sin(column / 6.1 + 1) + shake[1]) * SPACING_KM
    latitude = CENTRE[0] + north / 110.574
    longitude = CENTRE[1] + east / (111.320 * math.cos(math.radians(CENTRE[0])))
    return round(latitude, 6), round(longitude, 6)


def _river_row(column: float) -> float:
    return 10.5 + 2.2 * math.sin(column / 4.0)


def _is_built(node: Node, other: Node, chance: random.Random) -> bool:
    """Some blocks are larger than others; the river is crossed on bridges only."""
    if _kind(node, other) == "motorway":
        return True
    if node[0] == other[0] and node[1] < _river_row(node[0]) <= other[1]:
        return node[0] in BRIDGES
    return _kind(node, other) == "main" or chance.random() > 0.13


def _kind(one: Node, other: Node) -> str:
    along_row = one[1] == other[1]
    line, last = (one[1], ROWS - 1) if along_row else (one[0], COLUMNS - 1)
    if line in (0, last):
        return "motorway"
    return "main" if line % 5 == 0 or (not along_row and line in BRIDGES) else "street"


def _river() -> list[list[float]]:
    upper = [_place(c / 2, _river_row(c / 2) - 0.25) for c in range(-4, 2 * COLUMNS + 4)]
    lower = [_place(c / 2, _river_row(c / 2) - 0.75) for c in range(-4, 2 * COLUMNS + 4)]
    return [_lonlat(point) for point in [*upper, *reversed(lower), upper[0]]]


def _ring(low: Node, high: Node) -> list[list[float]]:
    corners = [low, (high[0], low[1]), high, (low[0], high[1]), low]
    return [
        _lonlat(
            _place(one[0] + (two[0] - one[0]) * part - 0.5, one[1] + (two[1] - one[1]) * part - 0.5)
        )
        for one, two in pairwise(corners)
        for part in (0.0, 0.5)
    ] + [_lonlat(_place(low[0] - 0.5, low[1] - 0.5))]


def _lonlat(point: Point) -> list[float]:
    return [point[1], point[0]]


def _feature(kind: str, geometry: str, coordinates: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"kind": kind},
        "geometry": {"type": geometry, "coordinates": coordinates},
    }
