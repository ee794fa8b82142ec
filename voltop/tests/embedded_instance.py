"""An instance of its own for tests of the embedded services, gone afterwards."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from voltop.embedded import paths
from voltop.embedded.process import Busy, FileLock

needs_embedded_services = pytest.mark.skipif(
    "DATABASE_URL" in os.environ, reason="the suite runs on servers of the caller"
)
STARTED_BY_CHILD = """
import sys, time
from pathlib import Path
from voltop.embedded.services import Claim, Services
services = Services(Claim(Path(sys.argv[1])))
services.postgres.initialise(sync=False)
services.start()
print("started", services.postgres.process.pid, services.valkey.process.pid, flush=True)
time.sleep(120)
"""


@contextlib.contextmanager
def instance_folder(prefix: str = "instance-") -> Iterator[Path]:
    """A folder that root's service account can reach (pytest's own temp folders it cannot)."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=paths.home()))
    try:
        yield home
    finally:
        remove(home)


def remove(home: Path) -> None:
    found = paths.layout(home)
    for folder in (found.run_dir, found.service_home, found.home):
        shutil.rmtree(folder, ignore_errors=True)


def seconds_until_nothing_lives(home: Path, *, limit_s: float = 15) -> float:
    """How long it takes until the last process of the instance has ended."""
    begun = time.monotonic()
    lock = FileLock(home / "alive.lock")
    try:
        lock.acquire(wait_s=limit_s)
    except Busy:
        raise AssertionError(f"still alive after {limit_s} s: {lock.holders()}") from None
    finally:
        lock.close()
    return time.monotonic() - begun


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process that is to run the instance at `home`, and no other."""
    ours = ("VOLTOP_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**inherited, "VOLTOP_HOME": str(home), "VOLTOP_RATE_FACTOR": "1000", **more}


def start_services_in_child(home: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", STARTED_BY_CHILD, str(home)],
        cwd=paths.CHECKOUT,
        env=environment(home),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline().startswith("started")
    return child
