from collections.abc import Iterator

import pytest

from telemetry.services import batches
from telemetry.tests.world import Fleet
from voltop.tests.cast import Cast


@pytest.fixture
def fleet(cast: Cast) -> Fleet:
    return Fleet(cast)


@pytest.fixture(autouse=True)
def no_memory_of_conflicts() -> Iterator[None]:
    batches.forget_conflicts()
    yield
    batches.forget_conflicts()
