"""What the steps of one run share: who speaks to the API, what has been made, what was found."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from voltop.demo.client import Client
from voltop.demo.fixes import Day
from voltop.demo.stage import Stage

THREADS = 4
T = TypeVar("T")
R = TypeVar("R")


class NotOffered(RuntimeError):
    """The product has no way to do this step; the report says so and the run fails."""


@dataclass(frozen=True)
class Cab:
    """A vehicle and the driver who has it."""

    vehicle: int
    driver: int


@dataclass
class Run:
    """One run: its stage, its day, its people's clients, and the report as it grows."""

    stage: Stage
    day: Day
    owner: Client
    accountant: Client
    cabs: dict[str, Cab] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def expect(self, holds: bool, failure: str) -> None:
        """Note what does not hold; the run goes on, and fails at its end."""
        if not holds:
            self.failures.append(failure)

    def wait_for_job(self, client: Client, job: int, *, longest_s: float) -> dict[str, Any]:
        """The result of a job of this client, once it is done."""
        found = wait(
            lambda: client.get(f"jobs/{job}"),
            lambda row: row["state"] in ("done", "failed"),
            longest_s=longest_s,
        )
        if found["state"] != "done":
            raise RuntimeError(f"job {job} {found['kind']}: {found['error_detail']}")
        result: dict[str, Any] = found["result"]
        return result


def wait(look: Callable[[], T], good: Callable[[T], bool], *, longest_s: float) -> T:
    """Look twice a second until it is good; TimeoutError with what was seen last."""
    deadline = time.monotonic() + longest_s
    while not good(found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {longest_s:.0f} s: {found}")
        time.sleep(0.5)
    return found


def together(function: Callable[[T], R], items: Iterable[T], *, threads: int = THREADS) -> list[R]:
    """The function of each item, from several threads, in the items' order."""
    pool = ThreadPoolExecutor(threads)
    try:
        return list(pool.map(function, items))
    finally:
        pool.shutdown(cancel_futures=True)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
