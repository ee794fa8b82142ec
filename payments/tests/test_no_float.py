"""No binary floating point where money is: read from the code itself."""

import ast

import pytest

from payments.tests.bank import CHECKOUT

FILES = sorted(p for p in (CHECKOUT / "payments").rglob("*.py") if "tests" not in p.parts)


def breaches(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{node.lineno}: the literal {node.value}")
        name = getattr(node, "id", None) or getattr(node, "attr", None)
        if name in ("float", "FloatField", "isclose", "fsum"):
            found.append(f"{getattr(node, 'lineno', 0)}: {name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CHECKOUT)))
def test_no_float_in(path):
    assert breaches(ast.parse(path.read_text())) == []


def test_the_search_finds_what_it_looks_for():
    assert len(breaches(ast.parse("x = 0.5\ny = float(x)\nz = models.FloatField()"))) == 3
