"""Which error codes the suite's requests and service calls have run into.

A code counts as reached when code of the product makes the error (or answers with its code), never
when a test makes it. After a run of the whole suite, each code of the house must have been reached
or stand in `NOT_REACHED` with a reason; partial runs judge nothing. With pytest-xdist each worker
counts for itself and the controller adds up. The hooks stand in the root's conftest.
"""

import sys
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from voltop.errors import DomainError, all_error_classes

ROOT = Path(__file__).resolve().parent.parent.parent
OUTPUT = "voltop_reached_codes"
NOT_REACHED: Mapping[str, str] = {}
"""Code -> why no test can run into it by a request or a service call."""

MARKS_OF_WHOLE_RUNS = ("", "not slow", "not sample")
reached: set[str] = set()
_added = False


def start() -> None:
    """From here on, note what the product makes and answers; once per process."""
    global _added
    if _added:
        return
    _added = True
    original = DomainError.__init__

    @wraps(original)
    def noting(self: DomainError, **values: Any) -> None:
        original(self, **values)
        if self.code and is_product(_maker()):
            reached.add(self.code)

    DomainError.__init__ = noting  # type: ignore[method-assign]
    _note_answers()


def _note_answers() -> None:
    """Fields refuse by code without making an error: what is answered tells."""
    from voltop.api import exceptions

    original = exceptions._item

    @wraps(original)
    def noting(field: str, code: str, detail: str) -> dict[str, str]:
        reached.add(code)
        return original(field, code, detail)

    exceptions._item = noting


def _maker() -> str:
    """The file of the code that made the error, above the constructors of its classes."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_name == "__init__":
        frame = frame.f_back
    return frame.f_code.co_filename


def is_product(file: str) -> bool:
    """Whether a file is the product's own: below the checkout, and no test."""
    path = Path(file)
    if not path.is_relative_to(ROOT) or ".venv" in path.parts:
        return False
    return "tests" not in path.parts and path.name != "conftest.py"


def is_whole_run(config: pytest.Config) -> bool:
    """Whether nothing was chosen or left out but the slow tests, or samples of what runs whole."""
    option = config.option
    chosen = option.keyword or option.deselect or getattr(option, "lf", False) or option.maxfail
    by_default = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return by_default and not chosen and option.markexpr in MARKS_OF_WHOLE_RUNS


def judge(found: set[str], known: set[str], exempt: Mapping[str, str]) -> list[str]:
    """What is wrong: codes nobody ran into, and exemptions that are none."""
    wrong = [f"{code}: no test runs into it" for code in sorted(known - found - exempt.keys())]
    wrong += [f"{code}: exempt, but reached" for code in sorted(found & exempt.keys())]
    wrong += [f"{code}: exempt, but no code" for code in sorted(exempt.keys() - known)]
    return wrong


def known_codes() -> set[str]:
    """The codes of the product; test modules bring a few of their own."""
    classes = all_error_classes()
    return {code for code, found in classes.items() if ".tests." not in found.__module__}


def finish(session: pytest.Session) -> list[str]:
    """At the end of a run: hand a worker's codes over, or judge them all."""
    workeroutput = getattr(session.config, "workeroutput", None)
    if workeroutput is not None:
        workeroutput[OUTPUT] = sorted(reached)
        return []
    if session.exitstatus != pytest.ExitCode.OK or not is_whole_run(session.config):
        return []
    wrong = judge(reached, known_codes(), NOT_REACHED)
    if wrong:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return wrong
