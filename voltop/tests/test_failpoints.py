"""A fail point kills only the process that was asked to die there, at the asked pass."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from voltop import failpoints
for n in range(5):
    print(n, flush=True)
    failpoints.hit("other.place")
    failpoints.hit("outbox.called")
"""


def run(fail_at: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "VOLTOP_FAIL_AT": fail_at}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("fail_at", "passes"), [("outbox.called", 1), ("outbox.called:3", 3)])
def test_the_named_point_kills_at_the_asked_pass(fail_at, passes):
    done = run(fail_at)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == [str(n) for n in range(passes)]


@pytest.mark.parametrize("fail_at", ["", "outbox", "elsewhere", "outbox.called:6"])
def test_any_other_value_kills_nobody(fail_at):
    done = run(fail_at)
    assert done.returncode == 0
    assert len(done.stdout.split()) == 5
