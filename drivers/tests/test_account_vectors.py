"""Account numbers against the published examples of a number library, good and bad.

The file is not part of the repository: VOLTOP_DATA names its folder (default: ../shared/data beside
the checkout). Examples of one country's IBAN count where they are of that country: others may be
right here.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from drivers import accounts
from drivers.errors import InvalidPayoutAccount
from voltop.embedded.paths import CHECKOUT

DATA = Path(os.environ.get("VOLTOP_DATA", CHECKOUT.parent / "shared" / "data"))
FILE = DATA / "id-number-vectors" / "vectors.jsonl"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no such file: {FILE}")

REASONS = {"InvalidChecksum": {"check_digit"}, "InvalidLength": {"length"}}
"""What is said of a number, by the peer's error; else `format` or, of a part, a check digit."""


def account(kind: str, number: str) -> tuple[str, dict[str, str], str] | None:
    """An account with this number: its kind, its details, the field of the number."""
    if kind == "iban" or (kind[2:] == ".iban" and number.startswith(kind[:2].upper())):
        return "iban", {"iban": number}, "iban"
    if kind in ("br.cpf", "br.cnpj"):
        return "pix", {"key_kind": kind[3:], "key": number}, "key"
    if kind == "us.rtn":
        return "us", {"routing": number, "account": "123456789"}, "routing"
    return None


def vectors() -> list[tuple[Any, ...]]:
    found = []
    for line in FILE.read_text().splitlines() if FILE.is_file() else ():
        vector = json.loads(line)
        made = account(vector["kind"], vector["input"])
        if vector["call"] == "validate" and made is not None:
            found.append((*made, vector))
    return found


def test_there_are_examples_of_every_checked_number():
    kinds = {vector["kind"] for *_, vector in vectors()}
    assert kinds == {"iban", "be.iban", "es.iban", "br.cpf", "br.cnpj", "us.rtn"}


@pytest.mark.parametrize(("kind", "details", "field", "vector"), vectors())
def test_our_verdict_on_an_account_is_the_peers(kind, details, field, vector):
    if vector["valid"]:
        assert accounts.canonical(kind, details)[field] == vector["expected"]
        return
    with pytest.raises(InvalidPayoutAccount) as refused:
        accounts.canonical(kind, details)
    assert refused.value.field == f"details.{field}"
    allowed = REASONS.get(vector["error"], {"format", "check_digit"})
    assert refused.value.extra["reason"] in allowed
