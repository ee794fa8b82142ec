"""Trying the cells of the access matrix over HTTP, and what is wrong with the answers."""

import json
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import connection, transaction
from jsonschema_rs import Draft202012Validator

from voltop.api.urls import build_schema
from voltop.tests import access
from voltop.tests.world import HTTP, PEOPLE_OF_A

TOUCHED_BY_DENIALS = ("fleets_attemptwindow", "voltop_idempotencykey")
"""Counting attempts is what the one is for; a key is put down and taken back with the refusal."""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    needs_key: bool
    app: str
    answers: dict[str, Any] = field(default_factory=dict)


def described() -> tuple[dict[str, Operation], dict[str, Any]]:
    """All operations of the OpenAPI schema, and its components."""
    schema = build_schema("en")
    found = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            headers = [p for p in operation.get("parameters", []) if p["in"] == "header"]
            needs_key = any(p["name"] == "Idempotency-Key" and p.get("required") for p in headers)
            name = operation["operationId"]
            answers = {
                status: body["content"]["application/json"]["schema"]
                for status, body in operation["responses"].items()
                if "application/json" in body.get("content", {})
            }
            found[name] = Operation(
                name, method.upper(), path, needs_key, operation["tags"][0], answers
            )
    return found, schema["components"]["schemas"]


OPERATIONS, COMPONENTS = described()
LISTED = sorted(OPERATIONS.keys() & access.rows().keys())


TRIED = {
    "driver": access.SCOPES,
    "driver_2": ("own", "peer"),
    "owner_b": ("own", "foreign", "missing"),
    "driver_b": ("own", "foreign", "missing"),
    "suspended": ("own", "missing"),
    "superuser": ("own", "foreign"),
    "client": ("own", "foreign"),
}
"""Whose objects these try against a fault where they are let in; others their own only."""

FIRST_TRIED = ("own", "foreign", "missing")
"""Whose objects the first of A's staff whom a row names tries in the short run."""

NAMED_TRIED = 2
"""How many of the others whom a row names are tried in the short run, others for each row."""

DENIED_TRIED = {"short": 1, "fault": 3}
"""How many of those whom a row does not name are tried, others for each row."""


def named_in(row):
    """A's staff in a row, and everybody whom it names or means."""
    staff = [name for name in PEOPLE_OF_A if name in row.allow]
    mirrored = {name for name, like in access.MIRRORED.items() if like in row.allow}
    return staff, {*row.allow.keys() - {"everyone"}, *mirrored, "suspended"}


def unnamed(operation_id, named, world, run):
    """Some of those with a log-in whom a row does not name."""
    people = world.callers.keys() - named - set(access.WITHOUT_CREDENTIALS)
    return some(operation_id, people, DENIED_TRIED[run])


def tried_in_short(operation_id, world):
    """Which caller tries whose objects in the short run."""
    staff, named = named_in(access.rows()[operation_id])
    denied = unnamed(operation_id, named, world, "short")
    others = (named | set(access.WITHOUT_CREDENTIALS)) - set(staff[:1])
    tried = dict.fromkeys(some(operation_id, others, NAMED_TRIED) | denied, ("own",))
    if staff:
        return tried | {staff[0]: FIRST_TRIED}
    return tried | {name: TRIED[name] for name in ("driver", "driver_2") if name in named}


def tried_against_a_fault(operation_id, world):
    """Which caller tries whose objects, so that a fault of any kind is run into."""
    staff, named = named_in(access.rows()[operation_id])
    others = named - set(staff[1:]) | {"anon"} | some(operation_id, staff[1:], 1)
    denied = unnamed(operation_id, named, world, "fault")
    tried = dict.fromkeys(others | denied, ("own",))
    tried |= {name: scopes for name, scopes in TRIED.items() if name in others}
    return tried | dict.fromkeys(staff[:1], access.SCOPES)


def tried_in_full(world):
    return dict.fromkeys(world.callers, access.SCOPES)


def some(operation_id, names, count):
    """A few of the names, others from row to row, but the same from run to run."""
    words = {name: zlib.crc32(f"{operation_id} {name}".encode()) for name in names}
    return set(sorted(words, key=words.__getitem__)[:count])


def cells(row, world, tried):
    """Caller -> the scopes that it tries; whoever calls what is everybody's tries it once."""
    if "everyone" in row.allow:
        return dict.fromkeys(world.callers, ("own",))
    there_are = access.scopes(row, world)
    return {name: [s for s in there_are if s in scopes] for name, scopes in tried.items()}


def wrong_cells(operation_id, world, tried):
    """What is wrong in the cells of an operation: `tried` says which scopes each caller tries."""
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    for name, scopes in cells(row, world, tried).items():
        caller = world.callers[name]
        answers = {}
        for scope in scopes:
            expected = row.expected(name, scope, operation.method, world)
            answer, touched = call(operation, row, caller, scope, world)
            answers[scope] = answer
            place = f"{name} × {scope}"
            yield from judge(place, world, caller, expected, answer, touched)
            if answer.status_code < 300:
                yield from judge_success(place, operation, world, caller, answer)
        yield from told_apart(name, caller, answers)
    if row.ids:
        yield from wrong_ids(operation_id, world)


def told_apart(name, caller, answers):
    """Objects of others that do not answer like one that never was."""
    others = {"a": ["foreign"], "b": ["own"], "suspended": ["own", "foreign"]}[caller.provider]
    for scope in others:
        both = {scope, "missing"} <= answers.keys()
        broken = any(answer.status_code >= 500 for answer in answers.values())
        if both and not broken and same(answers[scope]) != same(answers["missing"]):
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
    role = caller.name if caller.name in PEOPLE_OF_A else ""
    for name in sorted(world.canaries.shown(caller.provider, visible(answer), own, role)):
        yield f"{place}: shows {name}"
    yield from (f"{place}: {text}" for text in bare_headers(answer))
    for table in TOUCHED_BY_DENIALS:
        touched.pop(table, None)
    if answer.status_code in (401, 403, 404) and touched:
        yield f"{place}: denied, and yet touched {dict(touched)}"


def judge_success(place, operation, world, caller, answer):
    """What the document does not know or tells wrongly, and rows that are another company's."""
    schema = operation.answers.get(str(answer.status_code))
    if schema is None or "json" not in answer.headers.get("Content-Type", ""):
        return
    body = answer.json()
    yield from (f"{place}: {name} is not documented" for name in undocumented(body, schema))
    yield from (f"{place}: {text}" for text in unfitting(body, operation, answer.status_code))
    company = {"a": world.a, "b": world.b}.get(caller.provider, world.suspended).pk
    for found in body.get("results", ()) if isinstance(body, dict) else ():
        if isinstance(found, dict) and found.get("provider", company) != company:
            yield f"{place}: lists a row of another company"
    shows = access.rows()[operation.id].shows
    if shows:
        keys = {row["id"] for row in body["results"]}
        for scope in {"own", "peer", "foreign"} - OWN_SCOPE.get(caller.name, set()):
            if getattr(world.objects[shows], scope).pk in keys:
                yield f"{place}: lists a {shows} ({scope}) that is not to be seen"
    retrieve = access.retrieve_of(operation.id)
    if retrieve is not None and isinstance(body, dict):
        keys = {row.get("id") for row in body.get("results", ()) if isinstance(row, dict)}
        for scope in ("own", "peer", "foreign"):
            hidden = scope in access.scopes(retrieve, world) and (
                retrieve.expected(caller.name, scope, "GET", world) == 404
            )
            kind = next(iter(retrieve.path.values()))
            if hidden and getattr(world.objects[kind], scope).pk in keys:
                yield f"{place}: lists a {kind} ({scope}) that is not to be seen"


OWN_SCOPE = {"driver": {"own"}, "driver_2": {"peer"}, "driver_b": {"foreign"}}


def unfitting(body, operation, status):
    """What in an answer is not of the type, the form or the choices that its schema says."""
    for error in validator_of(operation.id, status).iter_errors(body):
        path = ".".join(map(str, error.instance_path))
        yield f"answer.{path} is not as documented: {error.message[:200]}"


@cache
def validator_of(operation_id, status):
    """The compiled schema of an operation's answer with this status."""
    schema = OPERATIONS[operation_id].answers[str(status)]
    return Draft202012Validator(
        {**schema, "components": {"schemas": COMPONENTS}}, validate_formats=True
    )


def undocumented(value, schema, place="answer"):
    """Fields of an answer that its schema does not name."""
    if "$ref" in schema:
        schema = COMPONENTS[schema["$ref"].rpartition("/")[2]]
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            found = [list(undocumented(value, part, place)) for part in schema[key]]
            yield from min(found, key=len)
            return
    if isinstance(value, list) and "items" in schema:
        for item in value[:3]:
            yield from undocumented(item, schema["items"], f"{place}[]")
    known = schema.get("properties")
    if isinstance(value, dict) and known:
        open_ended = schema.get("additionalProperties")
        for name, part in value.items():
            if name in known:
                yield from undocumented(part, known[name], f"{place}.{name}")
            elif not open_ended:
                yield f"{place}.{name}"


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


def wrong_relations(operation_id, world):
    """Provider B's row inside a body is refused exactly like one that never was."""
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    name = next(name for name in row.allow if world.callers[name].provider == "a")
    for place, kind, body_with in bodies(row, world):
        answers = []
        for value in (world.objects[kind].foreign.pk, access.MISSING):
            answer, touched = call(
                operation, row, world.callers[name], "own", world, body_with(value)
            )
            if answer.status_code != 400 or b"object_not_found" not in answer.content:
                yield f"{place}: {answer.status_code} instead of 400: {answer.content[:300]}"
            if touched.keys() - {"voltop_idempotencykey"}:
                yield f"{place}: refused, and yet touched {dict(touched)}"
            answers.append(answer)
        broken = any(answer.status_code >= 500 for answer in answers)
        if not broken and same(answers[0]) != same(answers[1]):
            yield f"{place}: a foreign row is told from one that never was"


def bodies(row, world):
    """The places of a body that name rows: the place, the kind, and the body with another id."""
    filled = access.fill(row.body, world, "a")
    for reference in sorted(access.references(row.body)):
        kind = reference.removeprefix("$").partition(".")[0]
        yield reference, kind, lambda pk, r=reference: access.fill(row.body, world, "a", {r: pk})
    for field_name, reference in row.relations.items():
        kind = reference.removeprefix("$")
        yield field_name, kind, lambda pk, name=field_name: {**filled, name: pk}


def wrong_ids(operation_id, world):
    """Provider B's row among the ids of a body gets the answer of one that never was."""
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    name = next(name for name in row.allow if world.callers[name].provider == "a")
    foreign, told = world.objects[row.ids].foreign.pk, []
    for pk in (foreign, access.MISSING):
        body = {**row.body, "ids": [pk]}
        answer, touched = call(operation, row, world.callers[name], "own", world, body)
        touched.pop("voltop_idempotencykey", None)
        if touched or answer.status_code >= 500:
            yield f"{row.ids} {pk}: {answer.status_code}, touched {dict(touched)}"
        told.append(with_id(answer.json(), pk))
    if told[0] != told[1]:
        yield f"a foreign {row.ids} is told from one that never was: {told}"


def with_id(document, pk):
    """An answer with `#` in place of the id that was asked for."""
    if isinstance(document, dict):
        return {key: with_id(value, pk) for key, value in document.items()}
    if isinstance(document, list):
        return [with_id(value, pk) for value in document]
    return "#" if document == pk else document
