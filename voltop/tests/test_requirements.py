"""Everything imported is pinned, and everything pinned exists once."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from voltop.embedded.paths import CHECKOUT

OWN = {"conftest", *(path.parent.name for path in CHECKOUT.glob("*/__init__.py"))}
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==([A-Za-z0-9.]+)")


def pins(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (CHECKOUT / name).read_text().splitlines():
        text = line.partition("#")[0].strip()
        if not text or text.startswith("-r "):
            continue
        match = PIN.fullmatch(text)
        assert match, f"{name}: {line!r} is not a pin"
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


def modules(*, of_tests: bool) -> list[Path]:
    here = [CHECKOUT / "conftest.py", CHECKOUT / "manage.py"]
    for folder in OWN - {"conftest"}:
        here += (CHECKOUT / folder).rglob("*.py")
    return [
        path
        for path in here
        if ("tests" in path.parts or path.name in ("conftest.py", "pytest_plugin.py")) is of_tests
    ]


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
        for name in imported(path)
        if not {canonical(d) for d in providers.get(name, [name])} & pinned
    }
    assert not missing


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_development_pins_nothing_that_the_runtime_pins():
    assert not pins("requirements.txt").keys() & pins("requirements-dev.txt").keys()
