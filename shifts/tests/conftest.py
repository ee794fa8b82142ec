"""Fixtures of shifts' tests."""

import pytest

from shifts.tests.scene import Scene
from voltop.tests.cast import Cast


@pytest.fixture
def scene(cast: Cast) -> Scene:
    return Scene(cast)
