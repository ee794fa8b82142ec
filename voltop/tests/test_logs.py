"""Log lines are JSON with known keys; nothing that people typed gets into them."""

import ast
import io
import json
import logging
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from voltop import logs
from voltop.tests import house

NAME, SURNAME = "Zebulonia", "Quackenbush-Ñandú"
EMAIL, PHONE = "zebulonia.q@canary.example", "+525598761234"
CLABE, IBAN = "646180157035181245", "DE89370400440532013000"
ADDRESS, NATIONAL_ID = "Calle Canario 77", "QUAZ880101MDFXXX09"
SECRET = "canary-passphrase-4711"
CANARIES = (NAME, "Quackenbush", EMAIL, PHONE, PHONE[1:], CLABE, IBAN, ADDRESS, NATIONAL_ID, SECRET)


class Lines:
    """Every line that the process logs, as it would be written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logs.JsonFormatter())

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def lines():
    found, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(found.handler)
    root.setLevel(logging.INFO)
    yield found
    root.removeHandler(found.handler)
    root.setLevel(level)


def leaked(text: str) -> list[str]:
    folded = text.casefold()
    return [c for c in CANARIES if c.casefold() in folded or json.dumps(c)[1:-1] in text]


# --- Lines ---------------------------------------------------------------------------------------
def test_a_line_has_known_keys_only_and_no_value_of_others(lines):
    log = logging.getLogger("voltop.tests")
    log.warning("task %s of %s took %d s", "payments.pay", NAME, 5, extra={"phone": PHONE})
    log.warning("stopped", extra={"task": "payments.pay[7]", "losses": 3})
    first, second = lines.parsed
    assert first["event"] == f"task payments.pay of {logs.LEFT_OUT} took 5 s"
    assert (second["task"], second["losses"]) == ("payments.pay[7]", 3)
    known = {"at", "level", "logger", "event"} | logs.KEYS
    assert set(first) | set(second) <= known
    assert not leaked(lines.text)


def test_an_exception_is_told_by_class_and_place_and_never_quoted(lines):
    try:
        raise IntegrityError(f"DETAIL: Key (email)=({EMAIL}) exists") from ValueError(PHONE)
    except IntegrityError:
        logging.getLogger("voltop.tests").exception("it failed")
    [line] = lines.parsed
    assert (line["exception"], line["caused_by"]) == ("IntegrityError", "ValueError")
    assert line["raised_at"][-1].startswith("test_logs.py:")
    assert not leaked(lines.text)


def test_line_breaks_make_no_lines(lines):
    logging.getLogger("voltop.tests").info("x", extra={"task": "a\r\nb"})
    logging.getLogger("somebody.else").info(f"Hello {NAME}\nsecond line")
    assert len(lines.parsed) == 2
    assert lines.parsed[0]["task"] == logs.LEFT_OUT


def test_no_text_of_ours_is_put_together_before_it_is_logged():
    """`logger.info(f"…{x}")` would get past the formatter."""
    found = []
    for source in house.product():
        for node in source.walk(ast.Call):
            named = getattr(node.func, "value", None)
            if getattr(named, "id", "") == "logger" and node.args:
                text = node.args[1] if house.called(node) == "log" else node.args[0]
                if not isinstance(text, ast.Constant):
                    found.append(source.at(node, "log a constant text, and values as arguments"))
    assert not found, "\n".join(found)


def test_a_refused_request_has_one_line_with_its_id_and_nothing_of_its_address(lines):
    answer = Client().get(f"/livez/{NAME}?{EMAIL}={PHONE}", headers={"X-Request-Id": "by-hand-1"})
    assert answer["X-Request-Id"] == "by-hand-1"
    [line] = [line for line in lines.parsed if line["event"] == "request"]
    assert (line["request_id"], line["code"]) == ("by-hand-1", answer.status_code)
    assert leaked(lines.text) == []
