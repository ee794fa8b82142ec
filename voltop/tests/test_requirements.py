"""Everything imported is pinned, and everything pinned exists once."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from voltop.embedded.paths import CHECKOUT

OF_EXTRAS = {"drivers/faces/dlib_child.py": "requirements-faces.txt"}
"""Programs that stand on packages which need not be there."""
OWN = {"conftest", *(path.parent.name for path in CHECKOUT.glob("*/__init__.py"))}
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==([A-Za-z0-9.]+)")


def requirements(name: str) -> list[str]:
    lines = (CHECKOUT / name).read_text().splitlines()
    texts = [line.partition("#")[0].strip() for line in lines]
    return [text for text in texts if text and not text.startswith("-r ")]


def pins(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in requirements(name):
        match = PIN.fullmatch(text)
        assert match, f"{name}: {text!r} is not a pin"
        assert match[1] not in found, f"{name}: {match[1]} comes twice"
        found[match[1]] = match[2]
    return found


def imported(path: Path) -> set[str]:
    """Top-level packages that a module imports, stubs-only imports left out."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - OWN


def is_for_development(path: Path) -> bool:
    parts = path.relative_to(CHECKOUT).parts
    return (
        "tests" in parts
        or parts[0] == "benchmarks"
        or path.name in ("conftest.py", "pytest_plugin.py")
    )


def modules(*, of_tests: bool) -> list[Path]:
    here = [CHECKOUT / "conftest.py", CHECKOUT / "manage.py"]
    for folder in OWN - {"conftest"}:
        here += (CHECKOUT / folder).rglob("*.py")
    return [path for path in here if is_for_development(path) is of_tests]


@pytest.mark.parametrize(
    ("of_tests", "files"),
    [(False, ["requirements.txt"]), (True, ["requirements.txt", "requirements-dev.txt"])],
    ids=["runtime", "tests"],
)
def test_whatever_is_imported_is_pinned(of_tests, files):
    providers = importlib.metadata.packages_distributions()
    pinned = {name for file in files for name in pins(file)}
    missing = {
        f"{path.relative_to(CHECKOUT)}: {name}"
        for path in modules(of_tests=of_tests)
        if str(path.relative_to(CHECKOUT)) not in OF_EXTRAS
        for name in imported(path)
        if not {canonical(d) for d in providers.get(name, [name])} & pinned
    }
    assert not missing


@pytest.mark.parametrize("program", OF_EXTRAS)
def test_a_program_of_an_extra_imports_only_what_is_pinned_there(program):
    pinned = {name.partition("-bin")[0] for name in pins(OF_EXTRAS[program])}
    assert imported(CHECKOUT / program) - {"PIL"} <= pinned


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("file", ["requirements-dev.txt", "requirements-faces.txt"])
def test_nothing_else_pins_what_the_runtime_pins(file):
    assert not pins("requirements.txt").keys() & pins(file).keys()


@pytest.mark.parametrize(
    "files", [["requirements.txt"], ["requirements.txt", "requirements-dev.txt"]]
)
def test_whatever_a_pinned_package_needs_is_pinned_too(files):
    """With the extras that are asked for; else a fresh environment gets versions of its own day."""
    pinned = {name for file in files for name in pins(file)}
    todo = [Requirement(text) for file in files for text in requirements(file)]
    missing = set()
    while todo:
        wanted = todo.pop()
        for text in importlib.metadata.distribution(wanted.name).requires or []:
            needed = Requirement(text)
            extras = [*wanted.extras, ""]
            if needed.marker and not any(needed.marker.evaluate({"extra": e}) for e in extras):
                continue
            if canonical(needed.name) not in pinned:
                missing.add(f"{wanted.name} needs {needed.name}")
            elif needed.extras:
                todo.append(needed)
    assert not missing
