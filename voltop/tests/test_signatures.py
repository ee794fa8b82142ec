"""Standard Webhooks: what we sign others accept, and what is forged or stale nobody does."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voltop import signatures

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("VOLTOP_DATA", CHECKOUT.parent / "shared" / "data"))
FILE = DATA / "webhook-signature-vectors" / "cases.json"
CASES = json.loads(FILE.read_text()) if FILE.is_file() else []

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = datetime.fromtimestamp(1614265330, UTC)
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_our_signature_is_the_specifications():
    assert signatures.headers([SECRET], HEADERS["webhook-id"], AT, BODY) == HEADERS
    assert signatures.is_genuine(SECRET, HEADERS, BODY, now=AT)


@pytest.mark.skipif(not CASES, reason=f"no such file: {FILE} (set VOLTOP_DATA)")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_cases_of_the_reference_libraries(case):
    now = datetime.fromtimestamp(case["now"], UTC)
    body = case["payload"].encode()
    assert signatures.is_genuine(case["secret"], case["headers"], body, now=now) is case["accept"]


def test_two_secrets_sign_side_by_side():
    old, new = signatures.new_secret(), signatures.new_secret()
    headers = signatures.headers([new, old], "evt_1", AT, BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert signatures.is_genuine(old, headers, BODY, now=AT)
    assert signatures.is_genuine(new, headers, BODY, now=AT)
    assert not signatures.is_genuine(signatures.new_secret(), headers, BODY, now=AT)


@pytest.mark.parametrize("part", ["webhook-id", "webhook-timestamp", "webhook-signature", "body"])
def test_one_changed_character_is_refused(part):
    headers, body = dict(HEADERS), BODY
    if part == "body":
        body = BODY.replace(b"4", b"5", 1)
    elif part == "webhook-timestamp":
        headers[part] = "1614265331"
    else:
        headers[part] = headers[part][:-3] + "ab="
    assert not signatures.is_genuine(SECRET, headers, body, now=AT)


@pytest.mark.parametrize("stamp", ["", "-1", "١٢", "1e9", "9" * 40, "1614265330.0"])
def test_a_timestamp_that_is_none_is_refused(stamp):
    headers = HEADERS | {"webhook-timestamp": stamp}
    assert not signatures.is_genuine(SECRET, headers, BODY, now=AT)


def test_secrets_are_random_and_of_the_form_that_libraries_read():
    made = {signatures.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in made)
    with pytest.raises(ValueError, match="base64"):
        signatures.sign("whsec_*", "x", 1, b"")
