"""Every operation × everybody who might call × whose object it is, against the files kept by hand.

After each call: the status is the file's; what belongs to provider B stands nowhere in an answer to
anyone of A; a denied call has touched no row; another provider's object answers byte for byte like
one that never was.
"""

import json
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator

from voltop.api.exceptions import no_such_route
from voltop.tests import access
from voltop.tests.world import APPS, HTTP, PEOPLE_OF_A

pytestmark = pytest.mark.django_db

PAGES = {"swagger", "redoc"}
"""Named routes below /api/ that are pages about the API, not operations of it."""

TOUCHED_BY_DENIALS = ("fleets_attemptwindow", "voltop_idempotencykey")
"""Counting attempts is what the one is for; a key is put down and taken back with the refusal."""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    needs_key: bool
    app: str


def described() -> dict[str, Operation]:
    """All operations of the OpenAPI schema."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            headers = [p for p in operation.get("parameters", []) if p["in"] == "header"]
            needs_key = any(p["name"] == "Idempotency-Key" and p.get("required") for p in headers)
            name = operation["operationId"]
            found[name] = Operation(name, method.upper(), path, needs_key, operation["tags"][0])
    return found


OPERATIONS = described()
LISTED = sorted(OPERATIONS.keys() & access.rows().keys())


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
TRIED = {
    "driver": access.SCOPES,
    "driver_2": ("own", "peer"),
    "owner_b": ("own", "foreign", "missing"),
    "driver_b": ("own", "foreign", "missing"),
    "suspended": ("own", "missing"),
    "superuser": ("own", "foreign"),
    "client": ("own", "foreign"),
}
"""Whose objects these try in the short run where they are let in; others their own only."""

STAFF_TRIED = 2
"""How many of A's staff whom a row names are tried in the short run, beside the first."""

DENIED_TRIED = 4
"""How many of those whom a row does not name are tried in the short run, others for each row."""

CELLS: Counter[int] = Counter()


@pytest.mark.parametrize("operation_id", LISTED)
def test_cells(operation_id, world):
    """Who is let in, with their own object; a few who are not; some with everybody's object."""
    row = access.rows()[operation_id]
    staff = [name for name in PEOPLE_OF_A if name in row.allow]
    mirrored = {name for name, like in access.MIRRORED.items() if like in row.allow}
    others = row.allow.keys() - {"everyone", *PEOPLE_OF_A}
    named = {*others, *mirrored, *staff[:1], "suspended", "anon"}
    named |= some(operation_id, staff[1:], STAFF_TRIED)
    denied = some(operation_id, world.callers.keys() - named - set(staff), DENIED_TRIED)
    tried = dict.fromkeys(named | denied, ("own",))
    tried |= {name: scopes for name, scopes in TRIED.items() if name in named}
    tried |= dict.fromkeys(staff[:1], access.SCOPES)
    judge_operation(operation_id, world, tried)


def some(operation_id, names, count):
    """A few of the names, others from row to row, but the same from run to run."""
    words = {name: zlib.crc32(f"{operation_id} {name}".encode()) for name in names}
    return set(sorted(words, key=words.__getitem__)[:count])


@pytest.mark.slow
@pytest.mark.parametrize("operation_id", LISTED)
def test_all_cells(operation_id, world):
    judge_operation(operation_id, world, dict.fromkeys(world.callers, access.SCOPES))


def judge_operation(operation_id, world, tried):
    """Every cell of some callers and scopes: `tried` says which scopes each caller tries."""
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    if "everyone" in row.allow:
        tried = dict.fromkeys(world.callers, ("own",))
    wrong = []
    for name, scopes in tried.items():
        caller = world.callers[name]
        answers = {}
        for scope in access.scopes(row, world):
            if scope not in scopes:
                continue
            expected = row.expected(name, scope, operation.method, world)
            answer, touched = call(operation, row, caller, scope, world)
            answers[scope] = answer
            CELLS[expected] += 1
            wrong += judge(f"{name} × {scope}", world, caller, expected, answer, touched)
        wrong += told_apart(name, caller, answers)
    assert not wrong, "\n".join(wrong)


def told_apart(name, caller, answers):
    """Objects of others that do not answer like one that never was."""
    others = {"a": ["foreign"], "b": ["own"], "suspended": ["own", "foreign"]}[caller.provider]
    for scope in others:
        both = {scope, "missing"} <= answers.keys()
        if both and same(answers[scope]) != same(answers["missing"]):
            yield f"{name} × {scope} is told from one that never was"


def call(operation, row, caller, scope, world, body=None):
    """One request in a savepoint; the answer and the tables it tried to write."""
    headers = {"X-Request-Id": "the-same-for-all", **caller.headers, **row.headers}
    if operation.needs_key:
        headers["Idempotency-Key"] = "matrix"
    path = access.address(row, operation.path, scope, world)
    body = access.fill(row.body, world, caller.provider) if body is None else body
    raw = b"" if body is None else json.dumps(body).encode()
    before = world.attempts or attempts()
    with transaction.atomic(), watched() as writes:
        answer = HTTP.generic(
            operation.method, path, raw, content_type="application/json", headers=headers
        )
        after = attempts() if writes else before
        transaction.set_rollback(True)
    world.attempts = after
    return answer, after - before


@contextmanager
def watched():
    """Collects the statements that may write: after none, the database need not be asked."""
    found = []

    def execute(run, sql, params, many, context):
        if not str(sql).lstrip().startswith(READS):
            found.append(sql)
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield found


READS = ("SELECT ", "SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")


def attempts() -> Counter[str]:
    """Rows that this transaction has tried to write so far, by table, undone or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
        )
        return Counter(dict(cursor.fetchall()))


def judge(place, world, caller, expected, answer, touched):
    """What is wrong with one answer."""
    if answer.status_code != expected:
        yield f"{place}: {answer.status_code} instead of {expected}: {answer.content[:300]}"
    driver = {"driver": world.driver, "driver_2": world.other_driver}.get(caller.name)
    own = driver.pk if driver else None
    for name in sorted(world.canaries.shown(caller.provider, visible(answer), own)):
        yield f"{place}: shows {name}"
    yield from (f"{place}: {text}" for text in bare_headers(answer))
    for table in TOUCHED_BY_DENIALS:
        touched.pop(table, None)
    if answer.status_code in (401, 403, 404) and touched:
        yield f"{place}: denied, and yet touched {dict(touched)}"


def bare_headers(answer):
    """What an answer lacks of the headers that all of the API's have."""
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        yield "may be sniffed"
    if "no-store" not in answer.headers.get("Cache-Control", ""):
        yield "may be stored"
    if answer.status_code >= 400 and not answer.headers["Content-Type"].startswith(PROBLEM):
        yield f"{answer.headers['Content-Type']} is no problem document"


PROBLEM = ("application/problem+json", "application/json")  # the latter by RFC 6749


def visible(answer):
    headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    return headers.encode() + answer.content


def same(answer):
    return answer.status_code, visible(answer)


@pytest.mark.parametrize(
    "operation_id",
    sorted(name for name, row in access.rows().items() if access.references(row.body)),
)
def test_relations_in_bodies_name_only_own_rows(operation_id, world):
    """Provider B's row inside a body is refused exactly like one that never was."""
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    name = next(name for name in row.allow if world.callers[name].provider == "a")
    for reference in access.references(row.body):
        kind = reference.removeprefix("$").partition(".")[0]
        answers = []
        for value in (world.objects[kind].foreign.pk, access.MISSING):
            body = access.fill(row.body, world, "a", {reference: value})
            answer, touched = call(operation, row, world.callers[name], "own", world, body)
            assert answer.status_code == 400, (reference, answer.content)
            assert "object_not_found" in answer.content.decode(), (reference, answer.content)
            assert not touched.keys() - {"voltop_idempotencykey"}, (reference, touched)
            answers.append(same(answer))
        assert answers[0] == answers[1], reference


def test_so_many_cells_were_judged(world):
    print(f"\naccess matrix: {sum(CELLS.values())} cells of {len(LISTED)} operations: ", end="")
    print(", ".join(f"{count} × {status}" for status, count in sorted(CELLS.items())))
