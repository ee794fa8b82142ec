"""Programs of our own that a stranger's bytes are given to: apart, within bounds, watched.

The program sets its own bounds on memory, processor time and files; here it gets no environment
but what is named, and no more time than said. Not here: what a program does, and how many at once.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run(
    program: Path, given: bytes, *, wait_s: float, environment: Mapping[str, str] | None = None
) -> bytes | None:
    """What the program answers to the bytes; None where it died or took longer than `wait_s`."""
    try:
        done = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-I", str(program)],
            input=given,
            capture_output=True,
            timeout=wait_s,
            env=dict(environment or {}),
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else done.stdout
