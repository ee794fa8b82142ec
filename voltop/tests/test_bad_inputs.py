"""Each of the 92 bad inputs against each operation: the named refusal, and never a 500.

A pair that is not run has a reason: the operation has no place for the input (no body, no list, no
field of the kind), or it is named in `EXEMPT`. The short run takes a fixed sample of the pairs that
holds every input and every operation; `-m slow` takes all, in every field of a kind.
"""

import json
import re
import zlib
from collections import Counter
from functools import cache
from typing import Any

import pytest
from django.db import transaction

from voltop.api.urls import build_schema
from voltop.tests import access
from voltop.tests.bad_inputs import INPUTS, JSON, Added, Bad, Raw
from voltop.tests.world import HTTP, World

pytestmark = pytest.mark.django_db

SAMPLE_ONE_IN = 72
PARTS = 8
BARE_ONE_IN = 9
MIN_TEXT = 16
"""Shorter texts (codes of countries, currencies) are too long before they are anything else."""
SCHEMA = build_schema("en")
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}

INGEST = "samples are judged one by one, and what is unknown is ignored: telemetry's own tests"
FORM = "a form by RFC 6749: fleets/tests/test_api_client_tokens.py"
FILES = "takes larger bodies, with a bound of its own: fleets/tests/test_imports.py"
PAPERS = "takes photos, with a bound of its own: drivers/tests/test_documents_api.py"
TALK = "takes files, with a bound of its own: chat/tests/test_attachments.py"
FACES = "takes photos, with a bound of its own: drivers/tests/test_faces_api.py"
EXEMPT: dict[str, tuple[str, tuple[int, ...]]] = {
    "oauth_token": (FORM, tuple(INPUTS)),
    "documents_create": (PAPERS, (45,)),
    "me_papers_create": (PAPERS, (45,)),
    "attachments_create": (TALK, (45,)),
    "me_attachments_create": (TALK, (45,)),
    "auth_face_log_in": (FACES, (45,)),
    "me_face_post": (FACES, (45,)),
    "me_face_checks_create": (FACES, (45,)),
    "imports_create": (FILES, (45,)),
    "telemetry_samples": (INGEST, tuple(n for n in INPUTS if n != 49)),
}
"""Operation -> why, and the inputs that are not sent to it."""


OPEN_NAMES = ("code", "system", "external_id")
"""Parts of addresses that are names of others' making, not ids of ours."""


# --- Where an input can go -----------------------------------------------------------------------
def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return resolve(schema[key][0])
    return schema


def body_schema(operation_id: str) -> dict[str, Any] | None:
    method, _path, operation = OPERATIONS[operation_id]
    body = operation.get("requestBody")
    if body is None and method in ("POST", "PUT", "PATCH"):
        return {}  # takes an object without fields, and nothing else
    return resolve(body["content"]["application/json"]["schema"]) if body else None


def fields_of(schema: dict[str, Any], prefix: str = "") -> Any:
    """Every field of a body with its dotted path and its kinds."""
    properties = {name: resolve(part) for name, part in schema.get("properties", {}).items()}
    if {"starts_at", "ends_at"} <= properties.keys():
        yield prefix, {"range"}
    for name, part in properties.items():
        place = f"{prefix}.{name}" if prefix else name
        yield place, kinds_of(name, part)
        if part.get("type") == "object" and "amount" not in part.get("properties", {}):
            yield from fields_of(part, place)


def kinds_of(name: str, part: dict[str, Any]) -> set[str]:
    kind = part.get("type")
    kind = next((k for k in kind if k != "null"), None) if isinstance(kind, list) else kind
    if "enum" in part:
        return {"choice"}
    if kind == "string":
        return _kinds_of_string(name, part)
    if kind == "integer":
        if part.get("x-relation"):
            return {"relation"}
        return {"integer"} if part.get("maximum", 0) >= 2**31 else {"integer", "integer32"}
    if kind == "object":
        known = part.get("properties", {})
        return {"money"} if "amount" in known else set() if known else {"object"}
    return {kind} if kind in ("number", "boolean") else set()


def _kinds_of_string(name: str, part: dict[str, Any]) -> set[str]:
    by_format = {
        "date-time": {"instant"},
        "date": {"date"},
        "uuid": {"uuid"},
        "uri": {"url"},
        "email": {"email", "text"},
        "decimal": {"decimal"},
        "time": {"time"},
    }
    if part.get("format") in by_format:
        return by_format[part["format"]]
    if name == "time_zone":
        return {"zone"}
    if "password" in name:
        return {"password"}
    if part.get("writeOnly") or "pattern" in part or part.get("maxLength", 0) < MIN_TEXT:
        return set()
    kinds = {"text"}
    if part.get("minLength", 0) >= 1:
        kinds.add("filled")
    if part.get("maxLength", 0) >= 100:
        kinds.add("words")
    return kinds


def places(bad: Bad, operation_id: str) -> list[str] | str:
    """The places of an operation where an input goes (fields; else one unnamed), or why none."""
    method, path, _operation = OPERATIONS[operation_id]
    schema = body_schema(operation_id)
    if bad.place == "elsewhere":
        return bad.reason
    if bad.place == "operation":
        return [""] if operation_id in bad.operations else "concerns one operation only"
    if bad.place == "path":
        found = [name for name in re.findall(r"{(\w+)}", path) if name not in OPEN_NAMES]
        return found or "no row in its address"
    if bad.place == "query":
        return [""] if method == "GET" and page_size(operation_id) else "no list"
    if schema is None:
        return "takes no body"
    if bad.place == "body":
        return [""]
    if bad.place == "needed body":
        return [""] if needs_body(operation_id) else "may leave its body away"
    found = [place for place, kinds in fields_of(schema) if kinds & set(bad.kinds)]
    return found or "no field of the kind"


def needs_body(operation_id: str) -> bool:
    return bool(OPERATIONS[operation_id][2].get("requestBody", {}).get("required"))


def page_size(operation_id: str) -> bool:
    parameters = OPERATIONS[operation_id][2].get("parameters", [])
    return any(parameter["name"] == "page_size" for parameter in parameters)


# --- Sending it ----------------------------------------------------------------------------------
def send(number: int, operation_id: str, place: str, world: World) -> list[str]:
    """Send an input to one place of an operation; what is wrong with the answers."""
    bad, row = INPUTS[number], access.rows()[operation_id]
    name = next((n for n in row.allow if n in world.callers), "anon")
    wrong = []
    for value in bad.values:
        request = build(bad, operation_id, place, value, world)
        headers = {**world.callers[name].headers, **row.headers, **dict(bad.headers)}
        if OPERATIONS[operation_id][0] == "POST":
            headers |= needed_key(operation_id)
        with transaction.atomic():
            answer = HTTP.generic(
                OPERATIONS[operation_id][0],
                request["path"],
                request["body"],
                content_type=bad.content_type,
                headers=headers,
                QUERY_STRING=request["query"],
            )
            transaction.set_rollback(True)
        shown = f"{number} → {operation_id} {place} {value!r:.60}"
        wrong += [f"{shown}: {text}" for text in judge(bad, operation_id, answer)]
    return wrong


def needed_key(operation_id: str) -> dict[str, str]:
    parameters = OPERATIONS[operation_id][2].get("parameters", [])
    required = any(p["name"] == "Idempotency-Key" and p.get("required") for p in parameters)
    return {"Idempotency-Key": "bad input"} if required else {}


def build(bad: Bad, operation_id: str, place: str, value: Any, world: World) -> dict[str, Any]:
    row, template = access.rows()[operation_id], OPERATIONS[operation_id][1]
    query, raw = row.query, b""
    if bad.place == "path":
        template = template.replace(f"{{{place}}}", value)
    path = access.address(row, template, "own", world).partition("?")[0]
    if bad.place == "query":
        query = value
    if body_schema(operation_id) is not None:
        good = access.fill(row.body, world, "a") or {}
        if bad.place == "field":
            raw = with_field(good, place, value)
        elif isinstance(value, Added):
            raw = json.dumps({**good, value.name: value.value}).encode()
        else:
            whole = bad.place in ("body", "needed body", "operation")
            raw = value if whole else json.dumps(good).encode()
    return {"path": path, "body": raw, "query": query}


def with_field(good: dict[str, Any], place: str, value: Any) -> bytes:
    """A good body with one field replaced; a value of `Raw` is put in as the text it is."""
    changed = json.loads(json.dumps(good))
    if value in ("backward", "empty"):
        ends = {"backward": "2026-02-28", "empty": "2026-03-01"}[value]
        target = at_place(changed, place.split(".") if place else [])
        target |= {"starts_at": "2026-03-01T08:00:00Z", "ends_at": f"{ends}T08:00:00Z"}
        return json.dumps(changed).encode()
    *parents, name = place.split(".")
    target = at_place(changed, parents)
    target[name] = "@@raw@@" if isinstance(value, Raw) else value
    text = json.dumps(changed, ensure_ascii=False)
    if isinstance(value, Raw):
        text = text.replace('"@@raw@@"', value.text)
    return text.encode()


def at_place(body: dict[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        body = body.setdefault(name, {})
    return body


def judge(bad: Bad, operation_id: str, answer: Any) -> Any:
    if answer.status_code >= 500:
        yield f"{answer.status_code} {answer.content[:200]}"
        return
    if answer["Content-Type"] != "application/problem+json":
        yield f"{answer.status_code} {answer['Content-Type']} {answer.content[:200]}"
        return
    problem = answer.json()
    expected = expected_code(bad, operation_id)
    if answer.status_code != bad.status or (expected and problem["code"] != expected):
        yield f"{answer.status_code} {problem['code']} instead of {bad.status} {expected}"


def expected_code(bad: Bad, operation_id: str) -> str:
    """A list that cannot be ordered or searched refuses the parameter itself."""
    optional = {"unknown_ordering": "ordering", "search_too_long": "search"}.get(bad.code)
    names = [p["name"] for p in OPERATIONS[operation_id][2].get("parameters", [])]
    return "unknown_parameter" if optional and optional not in names else bad.code


# --- The pairs -----------------------------------------------------------------------------------
@cache
def pairs() -> tuple[list[tuple[int, str, str]], Counter[str]]:
    """All (input, operation, place) to be run, and how many pairs are not, by reason."""
    run, left_out = [], Counter[str]()
    for operation_id in sorted(OPERATIONS.keys() & access.rows().keys()):
        reason, numbers = EXEMPT.get(operation_id, ("", ()))
        for number, bad in INPUTS.items():
            found = reason if number in numbers else places(bad, operation_id)
            if isinstance(found, str):
                left_out[found] += 1
            else:
                run += [(number, operation_id, place) for place in found]
    return run, left_out


def sample(run: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """A fixed part of the pairs, with each input and each operation in it at least once."""
    chosen, seen = [], set()
    for pair in run:
        number, operation_id, _place = pair
        drawn = zlib.crc32(repr(pair).encode()) % SAMPLE_ONE_IN == 0
        if drawn or not {number, operation_id} <= seen:
            chosen.append(pair)
            seen |= {number, operation_id}
    return chosen


def test_all_ninety_two_are_there():
    assert sorted(INPUTS) == list(range(1, 93))


@pytest.mark.sample
def test_bad_inputs_are_refused_by_name(world):
    run, _left_out = pairs()
    check(sample(run), world)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_all_bad_inputs_are_refused_by_name(world, part):
    check(pairs()[0][part::PARTS], world)


def check(chosen: list[tuple[int, str, str]], world: World) -> None:
    run, left_out = pairs()
    wrong = [text for pair in chosen for text in send(*pair, world)]
    counted = {(number, operation_id) for number, operation_id, _place in run}
    print(f"\nbad inputs: {len(chosen)} of {len(run)} places in {len(counted)} pairs sent;")
    print(f"  {sum(left_out.values())} pairs have no place for it:")
    for reason, count in left_out.most_common():
        print(f"  {count:6} {reason}")
    assert not wrong, f"{len(wrong)} wrong answers\n" + "\n".join(wrong[:60])


@pytest.mark.sample
def test_no_body_and_an_empty_object_are_alike_where_nothing_is_needed(world):
    """What is wrong is then a rule's business (a reason, a state), never the body's."""
    check_bare(bare_operations()[::BARE_ONE_IN], world)


@pytest.mark.slow
def test_no_body_and_an_empty_object_are_alike_everywhere(world):
    check_bare(bare_operations(), world)


def bare_operations() -> list[str]:
    """Operations that may be called without a body, though they know one."""
    others = {name for name, (_, numbers) in EXEMPT.items() if len(numbers) > 1}
    found = [
        operation_id
        for operation_id in sorted(OPERATIONS.keys() & access.rows().keys() - others)
        if body_schema(operation_id) is not None and not needs_body(operation_id)
    ]
    assert len(found) > 50
    return found


def check_bare(chosen: list[str], world: World) -> None:
    wrong = []
    for operation_id in chosen:
        answers = [bare(operation_id, raw, world) for raw in (b"", b" ", b"{}")]
        extra = bare(operation_id, b'{"no_such_field":1}', world)
        wrong += (
            [f"{operation_id}: {answers}"] if len(set(answers)) > 1 or answers[0][0] >= 500 else []
        )
        wrong += [f"{operation_id}: {extra}"] if extra != (400, "unknown_field") else []
    assert not wrong, "\n".join(wrong)


def bare(operation_id: str, raw: bytes, world: World) -> tuple[int, str]:
    """Status and code that an operation answers to a raw body; nothing of it stays."""
    method, template, _operation = OPERATIONS[operation_id]
    row = access.rows()[operation_id]
    caller = world.callers[next(name for name in row.allow if name in world.callers)]
    headers = {**caller.headers, **row.headers, **needed_key(operation_id)}
    kind = {"content_type": JSON} if raw.strip() else {}
    path = access.address(row, template, "own", world)
    with transaction.atomic():
        answer = HTTP.generic(method, path, raw, headers=headers, **kind)
        transaction.set_rollback(True)
    problem = answer.status_code >= 400
    return answer.status_code, answer.json()["code"] if problem else ""


def test_every_input_is_sent_somewhere_or_says_where_it_is_proven():
    sent = {number for number, _operation, _place in pairs()[0]}
    proven = {number for number, bad in INPUTS.items() if bad.reason}
    open_inputs = sorted(INPUTS.keys() - sent - proven - UNUSED)
    assert open_inputs == []


UNUSED: set[int] = {72, 74, 78}
"""Inputs of a kind that no operation takes (a new log-in name as such, a UUID, a URL); the fields
themselves refuse them in test_api_fields."""


def test_the_log_in_page_takes_no_nul(client):
    answer = client.post("/admin/login/", {"username": "a\x00b", "password": "\x00"})
    assert answer.status_code < 500


def test_a_parameter_twice_is_refused_by_every_list(world):
    for operation_id in sorted(OPERATIONS.keys() & access.rows().keys()):
        if page_size(operation_id):
            row = access.rows()[operation_id]
            name = next(n for n in row.allow if n in world.callers)
            path = access.address(row, OPERATIONS[operation_id][1], "own", world)
            answer = HTTP.get(
                f"{path}?page_size=5&page_size=5", headers=world.callers[name].headers
            )
            assert answer.json()["code"] == "duplicate_parameter", operation_id
