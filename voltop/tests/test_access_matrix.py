"""Every operation × everybody who might call × whose object it is, against the files kept by hand.

After each call: the status is the file's; what belongs to provider B stands nowhere in an answer to
anyone of A; a denied call has touched no row; another provider's object answers byte for byte like
one that never was.
"""

from collections import Counter
from typing import Any

import pytest
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from voltop.api.exceptions import no_such_route
from voltop.tests import access
from voltop.tests.judging import (
    LISTED,
    OPERATIONS,
    cells,
    tried_in_full,
    tried_in_short,
    wrong_cells,
    wrong_relations,
)
from voltop.tests.world import APPS

pytestmark = pytest.mark.django_db

CELLS_AT_LEAST = 1_950
OF_THESE = {200: 560, 201: 80, 401: 60, 403: 310, 404: 500}
"""Floors of the short run, kept by hand: raise them when the matrix has grown."""

PAGES = {"swagger", "redoc"}
"""Named routes below /api/ that are pages about the API, not operations of it."""


# --- The files are complete ----------------------------------------------------------------------
@pytest.mark.parametrize("app", [*APPS, "voltop"])
def test_every_operation_has_a_row_and_every_row_an_operation(app):
    operations = {name for name, operation in OPERATIONS.items() if operation.app == app}
    rows = {name for name, row in access.rows().items() if row.app == app}
    assert sorted(operations - rows) == [], "operations without a row"
    assert sorted(rows - operations) == [], "rows without an operation"


def test_every_route_below_api_is_described():
    """What the resolver knows and what the schema says are the same (view, method) pairs."""
    routed = set()
    for pattern in api_patterns(get_resolver().url_patterns):
        view = getattr(pattern.callback, "cls", None)
        if view is None:
            assert pattern.name in PAGES or pattern.callback is no_such_route, pattern
        else:
            methods = getattr(pattern.callback, "actions", None) or view.permissions
            routed |= {(view, pattern.name, method) for method in methods if method != "head"}
    generator = SchemaGenerator()
    generator._initialise_endpoints()
    described = {
        (callback.cls, path, method.lower())
        for path, _regex, method, callback in generator.endpoints
    }
    assert {(view, method) for view, _name, method in routed} == {
        (view, method) for view, _name, method in described
    }
    assert len(routed) == len(described) == len(OPERATIONS)


def api_patterns(patterns: Any, inside: bool = False) -> Any:
    for pattern in patterns:
        below = inside or str(pattern.pattern).startswith(("api/", "^api/"))
        if hasattr(pattern, "url_patterns"):
            yield from api_patterns(pattern.url_patterns, below)
        elif below:
            yield pattern


def test_every_caller_of_a_row_exists(world):
    known = {"everyone", *world.callers}
    for row in access.rows().values():
        assert row.allow.keys() <= known, row.operation
    assert set(access.CALLERS) <= world.callers.keys()


# --- Every cell ----------------------------------------------------------------------------------
@pytest.mark.sample
@pytest.mark.parametrize("operation_id", LISTED)
def test_cells(operation_id, world):
    """Who is let in, with their own object; a few who are not; some with everybody's object."""
    wrong = list(wrong_cells(operation_id, world, tried_in_short(operation_id, world)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("operation_id", LISTED)
def test_all_cells(operation_id, world):
    wrong = list(wrong_cells(operation_id, world, tried_in_full(world)))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "operation_id",
    sorted(
        name for name, row in access.rows().items() if access.references(row.body) or row.relations
    ),
)
def test_relations_in_bodies_name_only_own_rows(operation_id, world):
    wrong = list(wrong_relations(operation_id, world))
    assert not wrong, "\n".join(wrong)


def test_so_many_cells_are_judged(world):
    """Counted by what is planned: of the run itself each worker sees a part."""
    count, answers = 0, Counter()
    for operation_id in LISTED:
        operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
        tried = cells(row, world, tried_in_short(operation_id, world))
        for name, scopes in tried.items():
            for scope in scopes:
                answers[row.expected(name, scope, operation.method, world)] += 1
                count += 1
    assert count >= CELLS_AT_LEAST, sorted(answers.items())
    few = {status: answers[status] for status, floor in OF_THESE.items() if answers[status] < floor}
    assert few == {}, "fewer of these than before"
