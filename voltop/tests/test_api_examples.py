"""Every example of a body is one that the product takes: its fields are right in themselves.

Rows that an example names need not exist, and an object may be in a state that allows nothing.
"""

import json

import pytest
from django.db import transaction

from voltop.api.urls import build_schema
from voltop.tests import access
from voltop.tests.world import HTTP

OF_THE_PLACE = {
    "object_not_found": "the rows of an example are somebody's",
    "unknown_subject": "what an example talks about is somebody's",
    "url_not_allowed": "its hosts resolve nowhere",
    "transfer_to_self": "the first company is the caller's own",
    "reservation_in_past": "the day of an example passes",
    "unreadable_file": "a photo is too long for an example",
    "snooze_in_past": "and so does its Monday",
    "wrong_password": "it is nobody's",
}
"""Codes that tell of where the example is tried, not of the example."""

CALLERS = ("owner", "driver", "client", "superuser", "platform")


def bodies():
    schema = build_schema("en")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            found = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            headers = [
                row["name"] for row in operation.get("parameters", ()) if row["in"] == "header"
            ]
            for example in examples(found):
                yield path, method, operation["operationId"], "Idempotency-Key" in headers, example


def examples(content):
    if "example" in content:
        yield content["example"]
    yield from (each["value"] for each in content.get("examples", {}).values())


@pytest.mark.slow
@pytest.mark.django_db
def test_every_example_is_taken_as_it_stands(world):
    wrong, tried = [], 0
    for path, method, name, takes_key, example in bodies():
        row = access.rows()[name]
        caller = world.callers[next((each for each in CALLERS if each in row.allow), "owner")]
        headers = {**caller.headers, **({"Idempotency-Key": "example"} if takes_key else {})}
        with transaction.atomic():
            answer = HTTP.generic(
                method.upper(),
                access.address(row, path, "own", world),
                json.dumps(example).encode(),
                content_type="application/json",
                headers=headers,
            )
            transaction.set_rollback(True)
        tried += 1
        too_early = name.endswith("_end") and {code[-7:] for code in codes_of(answer)} == {
            "_period"
        }
        if answer.status_code == 400 and not too_early and codes_of(answer) - OF_THE_PLACE.keys():
            wrong.append(f"{name}: {sorted(codes_of(answer))} {json.dumps(example)}")
        assert answer.status_code < 500, name
    assert not wrong, "\n".join(wrong)
    assert tried > 100


def codes_of(answer):
    if answer.status_code < 400:
        return set()
    problem = answer.json()
    return {item["code"] for item in problem["errors"]} or {problem["code"]}
