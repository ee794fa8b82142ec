"""The project's own code as data, for the tests of the house rules: sources, floors, imports."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from voltop.errors import DomainError, all_error_classes

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = {
    "fleets": 1,
    "drivers": 2,
    "vehicles": 3,
    "chat": 3,
    "telemetry": 4,
    "shifts": 5,
    "reservations": 6,
    "payments": 7,
}
COMPOSITION_ROOT = ("settings", "urls", "asgi", "wsgi", "celery", "embedded", "demo")
APPS = ("voltop", *FLOORS)


@dataclass(frozen=True)
class Source:
    """One Python file of the project."""

    path: str
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.path.removesuffix(".py").removesuffix("/__init__").split("/"))

    @property
    def app(self) -> str:
        return self.parts[0]

    @property
    def module(self) -> str:
        return ".".join(self.parts)

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")

    @property
    def is_test(self) -> bool:
        return "tests" in self.parts or self.parts[-1] == "conftest"

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.parts

    @property
    def is_kernel(self) -> bool:
        return (
            self.app == "voltop"
            and not self.is_test
            and (len(self.parts) == 1 or self.parts[1] not in COMPOSITION_ROOT)
        )

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def walk(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def at(self, node: ast.AST, what: str) -> str:
        """A finding as a line that an editor can jump to."""
        return f"{self.path}:{node.lineno}: {what}"


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the kernel and the apps, tests and migrations included."""
    paths = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py"))
    return tuple(Source(str(path.relative_to(ROOT)), path.read_text()) for path in paths)


def product() -> list[Source]:
    """What runs: no tests, no migrations."""
    return [source for source in sources() if not source.is_test and not source.is_migration]


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every module that a file names in an import, or as a string in a call that imports.

    `from fleets import audit` is `fleets.audit`; a name from below a module is that module.
    """
    for node in source.walk(ast.Import, ast.ImportFrom, ast.Call):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            inner = [f"{base}.{alias.name}" for alias in node.names]
            targets = {name if name in modules() or "." not in base else base for name in inner}
            yield from ((node, target) for target in sorted(targets))
        elif called(node) in ("import_module", "import_string", "get_model", "__import__"):
            yield from ((node, text) for text in strings(node.args[:1]))


@cache
def modules() -> frozenset[str]:
    return frozenset(source.module for source in sources())


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.parts if source.is_package else source.parts[:-1]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def foreign_models(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every "app.Model" that a relation names as a string."""
    for node in source.walk(ast.Call):
        if called(node) in ("ForeignKey", "OneToOneField", "ManyToManyField"):
            targets = node.args[:1] + [word.value for word in node.keywords if word.arg == "to"]
            targets += [word.value for word in node.keywords if word.arg == "through"]
            yield from ((node, text) for text in strings(targets) if "." in text)


def migration_dependencies(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """The apps that a migration depends on or runs before."""
    for node in source.walk(ast.Assign):
        if any(getattr(name, "id", "") in ("dependencies", "run_before") for name in node.targets):
            for pair in ast.walk(node.value):
                if isinstance(pair, ast.Tuple) and len(pair.elts) == 2:
                    yield from ((pair, text) for text in strings(pair.elts[:1]))


def called(node: ast.AST) -> str:
    """The last name of what a call calls, or of a decorator: `models.CharField(…)` → CharField."""
    target = node.func if isinstance(node, ast.Call) else node
    return getattr(target, "attr", getattr(target, "id", ""))


def strings(nodes: list[ast.expr]) -> list[str]:
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from source.walk(ast.FunctionDef, ast.AsyncFunctionDef)


def decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {called(decorator) for decorator in node.decorator_list}


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def documented_errors() -> list[tuple[str, int]]:
    """(code, status) of each row of the tables in docs/errors.md."""
    text = (ROOT / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (\d{3}) \|", text, re.MULTILINE)
    return [(code, int(status)) for code, status in rows]


def error_classes() -> dict[str, type[DomainError]]:
    """Every error of the product by code; a code used twice raises. Imports every module."""
    for source in product():
        if source.app in FLOORS or source.is_kernel:
            importlib.import_module(source.module)
    return {
        code: error
        for code, error in all_error_classes().items()
        if ".tests" not in error.__module__
    }
