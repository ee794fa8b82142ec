"""Distances against known pairs; boxes and cells against the distance."""

from math import asin, atan2, cos, degrees, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltop.geo import EARTH_RADIUS_KM, BoundingBox, grid_cell, haversine_km

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((36.12, -86.67), (33.94, -118.40), 2886.45),  # the textbook's Nashville to Los Angeles
        ((0, 0), (0, 180), 20015.115),  # half a great circle
        ((90, 0), (-90, 77), 20015.115),
        ((37.7749, -122.4194), (37.7749, -122.4194), 0.0),
        ((0, 179.5), (0, -179.5), 111.195),
    ],
)
def test_known_distances(a, b, km):
    assert haversine_km(*a, *b) == pytest.approx(km, abs=0.01)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_distance_is_symmetric_and_at_most_half_the_globe(lat1, lon1, lat2, lon2):
    there = haversine_km(lat1, lon1, lat2, lon2)
    assert there == pytest.approx(haversine_km(lat2, lon2, lat1, lon1), abs=1e-6)
    assert 0 <= there <= 20015.2


def destination(lat, lon, bearing_deg, km):
    """The point that one reaches from a point on a bearing."""
    angle, bearing, phi = km / EARTH_RADIUS_KM, radians(bearing_deg), radians(lat)
    phi2 = asin(sin(phi) * cos(angle) + cos(phi) * sin(angle) * cos(bearing))
    turn = atan2(sin(bearing) * sin(angle) * cos(phi), cos(angle) - sin(phi) * sin(phi2))
    return degrees(phi2), (lon + degrees(turn) + 180) % 360 - 180


@given(st.floats(-89, 89), LONGITUDES, st.floats(0, 360), st.floats(0.001, 3000))
def test_a_box_around_a_point_holds_every_point_of_the_circle(lat, lon, bearing, radius):
    box = BoundingBox.around(lat, lon, radius)
    reached = destination(lat, lon, bearing, radius * 0.999)
    assert box.contains(*reached)
    ranges = box.longitudes()
    assert all(west <= east for west, east in ranges)
    assert any(west <= reached[1] <= east for west, east in ranges)


def test_a_box_is_no_larger_than_it_needs_to_be():
    box = BoundingBox.around(37.77, -122.42, 5)
    assert not box.contains(*destination(37.77, -122.42, 0, 5.01))
    assert not box.contains(*destination(37.77, -122.42, 180, 5.01))
    assert not box.contains(37.77, -122.42 + (box.east - box.west) / 2 * 1.01)


def test_a_box_may_cross_the_antimeridian_or_hold_a_pole():
    box = BoundingBox.around(-18, 179.9, 50)
    assert box.west > box.east
    assert box.contains(-18, -179.9)
    assert not box.contains(-18, 0)
    pole = BoundingBox.around(89.9, 0, 50)
    assert pole.contains(89.9, 180)
    assert pole.north == 90


@given(LATITUDES, LONGITUDES)
def test_a_cell_holds_points_that_are_near_each_other(lat, lon):
    cell = grid_cell(lat, lon)
    assert 0 <= cell < 36000 * 18000
    row, column = divmod(cell, 36000)
    assert abs((row + 0.5) / 100 - 90 - lat) <= 0.00501
    assert abs(((column + 0.5) / 100 - 180 - lon + 180) % 360 - 180) <= 0.00501


def test_cells_differ_beyond_their_edge_and_meet_at_the_antimeridian():
    assert grid_cell(37.771, -122.429) == grid_cell(37.779, -122.421)
    assert grid_cell(37.771, -122.429) != grid_cell(37.781, -122.429)
    assert grid_cell(37.771, -122.429) != grid_cell(37.771, -122.431)
    assert grid_cell(10, 180) == grid_cell(10, -180)
