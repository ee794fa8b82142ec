"""Strings that break software: taken in as they are or refused, and never more than text on a page.

Through every text field of the API; and written into the rows behind its back, where each page of
the admin must have the elements and attributes that it has with a plain word in their place.
"""

import json
from collections import Counter

import pytest
from django.apps import apps
from django.db import Error, models, transaction
from django.urls import reverse

from voltop.tests import access, hostile
from voltop.tests.judging import LISTED, OPERATIONS
from voltop.tests.test_admin_matrix import LISTED as PAGES
from voltop.tests.test_admin_matrix import MODELS, browsers, row_of  # noqa: F401 (a fixture)
from voltop.tests.world import HTTP, PEOPLE_OF_A

pytestmark = pytest.mark.django_db

PLAIN = "plain"
PER_FIELD = 15
ROUNDS = 8
CODES = {"kind", "country", "currency", "language", "time_zone"}
"""No texts of people: services take only what standards name, a hand in the database anything."""
READINGS = [name for name in LISTED if OPERATIONS[name].method == "GET"]
BODIES = [name for name in LISTED if OPERATIONS[name].method != "GET" and access.rows()[name].body]


# --- Through the API -----------------------------------------------------------------------------
def texts_in(body, path=()):
    """The places of free texts in a body: strings that name no object and are no number or time."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield from texts_in(value, (*path, key))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from texts_in(value, (*path, number))
    elif isinstance(body, str) and not body.startswith("$") and not body[:1].isdigit():
        yield path


def with_text(body, path, text):
    if not path:
        return text
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = with_text(body[path[0]], path[1:], text)
    return copy


def at(document, path):
    """What stands in the answer at the same place; None where it is not shown there."""
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def send(operation, caller, row, world, body):
    headers = {**caller.headers, **row.headers}
    if operation.needs_key:
        headers["Idempotency-Key"] = "hostile"
    with transaction.atomic():
        answer = HTTP.generic(
            operation.method,
            access.address(row, operation.path, "own", world),
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers=headers,
        )
        transaction.set_rollback(True)
    return answer


def judge_operation(operation_id, world, per_field):
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    name = next((n for n in (*PEOPLE_OF_A, "driver", "source") if n in row.allow), None)
    if name is None:
        return
    body = access.fill(row.body, world, "a")
    all_of_them = hostile.strings()
    for number, path in enumerate(texts_in(row.body)):
        for step in range(per_field):
            text = all_of_them[
                (number * 53 + step * 31 + len(operation_id) * 17) % len(all_of_them)
            ]
            answer = send(operation, world.callers[name], row, world, with_text(body, path, text))
            place = (path, text, answer.status_code, answer.content[:200])
            assert answer.status_code < 500, place
            if answer.status_code >= 400:
                assert answer["Content-Type"] in ("application/problem+json", "application/json")
                continue
            written = operation_id.endswith(("_create", "_partial_update"))
            shown = at(answer.json(), path) if written else None
            if isinstance(shown, str) and shown != at(body, path):
                assert shown.strip() == text.strip() or shown.casefold() == text.casefold(), place


@pytest.mark.sample
@pytest.mark.parametrize("operation_id", BODIES[::20])
def test_some_operations_take_or_refuse_hostile_texts(operation_id, world):
    judge_operation(operation_id, world, 3)


@pytest.mark.slow
@pytest.mark.parametrize("operation_id", BODIES)
def test_every_operation_takes_or_refuses_hostile_texts(operation_id, world):
    judge_operation(operation_id, world, PER_FIELD)


# --- Behind the application's back, on every page ------------------------------------------------
def free_texts(model):
    return [
        field
        for field in model._meta.get_fields()
        if type(field) in (models.CharField, models.TextField) and not field.choices
    ]


def write(row, field, text):
    """Put a text into a row, as far as the database lets anybody; whether it did."""
    length = getattr(field, "max_length", None) or 5000
    try:
        with transaction.atomic():
            type(row)._base_manager.filter(pk=row.pk).update(**{field.name: text[:length]})
    except (Error, ValueError):
        return False
    return True


def pages_of(model, row):
    prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield reverse(f"{prefix}_changelist")
    yield reverse(f"{prefix}_change", args=(row.pk,))
    yield reverse(f"{prefix}_history", args=(row.pk,))


def shapes(browser, model, row):
    found = {}
    for address in pages_of(model, row):
        answer = browser.get(address)
        assert answer.status_code in (200, 302), (address, answer.status_code)
        if answer.status_code == 302:  # of a kind that nobody sees any more
            browser.get(answer["Location"])  # where it says so, and not on the next page
            continue
        found[address] = hostile.Shape(answer.content.decode())
    return found


def judge_pages(label, world, browser, rounds):
    model = MODELS[label]
    row = row_of(model, world.a.pk)
    fields = free_texts(model)
    if row is None or not fields:
        return
    with transaction.atomic():
        written = [field for field in fields if write(row, field, PLAIN)]
        plain = shapes(browser, model, row)
        texts = hostile.markup()
        for number in range(rounds):
            for step, field in enumerate(written):
                write(row, field, texts[(number * 37 + step * 11 + len(label)) % len(texts)])
            found = shapes(browser, model, row)
            for address, shape in ((page, found[page]) for page in found.keys() & plain.keys()):
                added = shape.elements - plain[address].elements
                assert not added, (address, dict(added))
                assert shape.dangerous == plain[address].dangerous, address
        transaction.set_rollback(True)


@pytest.mark.sample
@pytest.mark.parametrize("label", PAGES[::18])
def test_hostile_texts_are_texts_on_some_pages(label, world, browsers):  # noqa: F811
    judge_pages(label, world, browsers["superuser"], 1)


@pytest.mark.slow
@pytest.mark.parametrize("label", PAGES)
def test_hostile_texts_are_texts_on_every_page(label, world, browsers):  # noqa: F811
    judge_pages(label, world, browsers["superuser"], ROUNDS)


# --- Codes that no standard knows ----------------------------------------------------------------
def write_nonsense(world):
    """Into every code of every row of both companies, as far as the database lets anybody."""
    written = Counter()
    for model in apps.get_models():
        fields = [field for field in free_texts(model) if field.name in CODES]
        for row in model._base_manager.all() if fields else ():
            written.update(field.name for field in fields if write(row, field, "???"))
    assert written.keys() == CODES
    assert written["currency"] > 10


def judge_readings(operation_ids, world):
    wrong = []
    with transaction.atomic():
        write_nonsense(world)
        for operation_id in operation_ids:
            operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
            name = next(
                (n for n in (*PEOPLE_OF_A, "driver", "source", "everyone") if n in row.allow), None
            )
            if name in (None, "everyone"):
                continue
            answer = send(operation, world.callers[name], row, world, None)
            expected = row.expected(name, "own", "GET", world)
            if operation_id == "inbox_retrieve":
                expected = 404  # work of a kind that is none is nobody's
            if answer.status_code != expected:
                wrong.append(f"{operation_id}: {answer.status_code} {answer.content[:200]}")
        transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)


@pytest.mark.sample
def test_some_readings_answer_whatever_codes_stand_in_the_rows(world):
    judge_readings(READINGS[::9], world)


@pytest.mark.slow
def test_every_reading_answers_whatever_codes_stand_in_the_rows(world):
    judge_readings(READINGS, world)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_every_page_is_shown_whatever_codes_stand_in_the_rows(role, world, browsers):  # noqa: F811
    wrong = []
    with transaction.atomic():
        write_nonsense(world)
        for address in (reverse("admin:index"), *all_pages(world)):
            answer = browsers[role].get(address)
            if answer.status_code >= 500:
                wrong.append(f"{address}: {answer.status_code}")
        transaction.set_rollback(True)
    assert not wrong, "\n".join(wrong)


def all_pages(world):
    for model in MODELS.values():
        row = row_of(model, world.a.pk)
        if row is not None:
            yield from pages_of(model, row)


def test_the_parser_sees_an_attack():
    """What is looked for would be found, were a page to let it through."""
    plain = hostile.Shape('<p title="plain">plain</p>').elements
    for text in ('"><img src=x onerror=alert(2)>', '" onfocus="alert(3)'):
        assert hostile.Shape(f'<p title="{text}">{text}</p>').elements - plain
    assert hostile.Shape('<a href=" JavaScript:alert(1)">x</a>').dangerous
    assert len(hostile.markup()) > 10
