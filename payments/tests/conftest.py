"""Fixtures of payments' tests."""

from collections.abc import Iterator

import pytest

from payments.tests.bank import RunningBank, running_bank
from payments.tests.scene import Scene


@pytest.fixture
def scene(cast) -> Scene:
    return Scene(cast)


@pytest.fixture(scope="session")
def bank_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBank]:
    with running_bank(tmp_path_factory.mktemp("bank") / "book.sqlite") as running:
        yield running


@pytest.fixture
def bank(bank_process: RunningBank, settings) -> RunningBank:
    """A sandbox bank without faults, which Voltop may call; its book is shared by the tests."""
    settings.OUTBOUND_ALLOWED = [bank_process.url.removeprefix("http://")]
    settings.BANK_TIMEOUT_S = 2
    bank_process.faults()
    return bank_process
