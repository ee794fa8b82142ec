"""A person who would be recognised anywhere is sent through every operation of the API.

Name, e-mail, phone, account, document and tokens stand in no log line, no task's arguments and no
address that an answer leads to, whoever calls and whatever comes of it.
"""

import base64
import json
import re
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest
from celery import Celery, Task
from django.db import connection, transaction

from drivers import identities
from drivers.models import Driver
from fleets.models import User
from voltop.tests import access
from voltop.tests.judging import LISTED, OPERATIONS
from voltop.tests.test_logs import (
    ADDRESS,
    CANARIES,
    CLABE,
    EMAIL,
    NAME,
    NATIONAL_ID,
    PHONE,
    SECRET,
    SURNAME,
    lines,  # noqa: F401 (a fixture)
)
from voltop.tests.world import HTTP

pytestmark = pytest.mark.django_db

BY_FIELD = {
    "address": ADDRESS, "body": NAME, "email": EMAIL, "external_id": CLABE, "family_name": SURNAME,
    "full_name": f"{NAME} {SURNAME}", "given_name": NAME, "holder": NAME, "label": NAME,
    "legal_name": NAME, "login": EMAIL, "name": NAME, "national_id": NATIONAL_ID, "note": PHONE,
    "number": CLABE, "password": SECRET, "phone": PHONE, "reason": f"{NAME} {PHONE}",
    "subject": NAME, "text": f"{NAME} {EMAIL}", "title": NAME,
}  # fmt: skip
FEW = ("owner", "driver", "owner_b", "client")
COUNTED = {"sent": 0, "shown": 0}


def laced(value, name=""):
    """A body with the canary in every field that is known for holding something of people."""
    if isinstance(value, dict):
        return {key: laced(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [laced(item, name) for item in value]
    if isinstance(value, str) and not value.startswith("$") and name in BY_FIELD:
        return BY_FIELD[name]
    return value


@pytest.fixture
def person(world):
    """Driver A1 and the owner of A are the canary."""
    number = identities.columns_of(world.driver.pk, world.a.pk, NATIONAL_ID)
    who = {"given_name": NAME, "family_name": SURNAME, **number}
    Driver.objects.unscoped().filter(pk=world.driver.pk).update(**who)
    whole = f"{NAME} {SURNAME}"
    User.objects.filter(pk=world.driver.user_id).update(full_name=whole, email=EMAIL, phone=PHONE)
    User.objects.filter(pk=world.owner.pk).update(full_name=whole)
    return world


@contextmanager
def rung(monkeypatch):
    """What would be sent to Celery: names and arguments."""
    sent: list[str] = []

    def note(name, args=(), kwargs=None, **options):
        sent.append(repr((name, args, kwargs, options)))

    with monkeypatch.context() as patched:
        patched.setattr(Celery, "send_task", lambda self, *args, **more: note(*args, **more))
        patched.setattr(
            Task, "apply_async", lambda self, *args, **more: note(self.name, *args, **more)
        )
        yield sent


def drive(operation_id, world, names, sent):
    """Call an operation as each of them; the addresses that its answers lead to."""
    operation, row = OPERATIONS[operation_id], access.rows()[operation_id]
    addresses = []
    for name in names:
        caller = world.callers[name]
        headers = {**caller.headers, **row.headers}
        if operation.method == "POST":
            headers["Idempotency-Key"] = f"{SECRET}-{name}"
        path = access.address(row, operation.path, "own", world)
        body = laced(access.fill(row.body, world, caller.provider))
        COUNTED["sent"] += any(canary in json.dumps(body) for canary in CANARIES)
        for target in (path, f"{path}{'&' if '?' in path else '?'}search={EMAIL}"):
            with transaction.atomic():
                promised = len(connection.run_on_commit)  # when the world was made
                answer = HTTP.generic(
                    operation.method,
                    target,
                    b"" if body is None else json.dumps(body).encode(),
                    content_type="application/json",
                    headers=headers,
                )
                for _savepoints, callback, _robust in connection.run_on_commit[promised:]:
                    callback()
                transaction.set_rollback(True)
            assert answer.status_code < 500, answer.content
            COUNTED["shown"] += NAME.encode() in answer.content
            addresses += led_to(answer)
    return addresses


def led_to(answer):
    """Addresses in headers and bodies, with what their cursors say when they are unpacked."""
    found = [value for name, value in answer.headers.items() if name in ("Location", "Link")]
    text = answer.content.decode(errors="replace")
    found += re.findall(r'"(?:https?:/)?(/api/[^"]*)"', text)
    for address in list(found):
        for _name, value in parse_qsl(urlsplit(address).query):
            padded = value + "=" * (-len(value) % 4)
            try:
                found.append(base64.urlsafe_b64decode(padded).decode("latin1"))
            except ValueError:
                continue
    return found


def leaks(text, world):
    """The canaries and tokens that stand in a text."""
    tokens = [value for caller in world.callers.values() for value in caller.headers.values()]
    secrets = [token.removeprefix("Bearer ") for token in tokens if len(token) > 20]
    folded = text.casefold()
    return [
        c for c in (*CANARIES, *secrets) if c.casefold() in folded or json.dumps(c)[1:-1] in text
    ]


def judge_operation(operation_id, world, names, logged, monkeypatch):
    with rung(monkeypatch) as sent:
        addresses = drive(operation_id, world, names, sent)
    assert logged.parsed, "nothing was logged"
    assert leaks(logged.text, world) == []
    assert leaks("\n".join(sent), world) == []
    assert leaks("\n".join(addresses), world) == []


@pytest.mark.sample
@pytest.mark.parametrize("operation_id", LISTED[3::40])
def test_some_operations_leak_nothing(operation_id, person, lines, monkeypatch):  # noqa: F811
    judge_operation(operation_id, person, FEW[:2], lines, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("operation_id", LISTED)
def test_no_operation_leaks_anything(operation_id, person, lines, monkeypatch):  # noqa: F811
    judge_operation(operation_id, person, FEW, lines, monkeypatch)


def test_the_canary_went_in_and_came_out(person, lines, monkeypatch):  # noqa: F811
    """What is looked for was really sent and shown: a test that sees nothing proves nothing."""
    judge_operation("drivers_create", person, ("owner",), lines, monkeypatch)
    judge_operation("drivers_retrieve", person, ("owner",), lines, monkeypatch)
    assert COUNTED["sent"]
    assert COUNTED["shown"]
    assert leaks(f"of {NAME}", person) == [NAME]
