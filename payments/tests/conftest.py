"""Fixtures of payments' tests."""

import pytest

from payments.tests.scene import Scene


@pytest.fixture
def scene(cast) -> Scene:
    return Scene(cast)
