"""The sandbox bank books a key once, whatever strikes it, and counts what it did."""

import ast
import http.client
import json
import signal
import socket
import sys
import uuid
from pathlib import Path

import pytest

from payments.tests.bank import CHECKOUT, TOKEN, RunningBank, running_bank


def payout(reference: str = "P-1", amount: str = "412.35") -> dict:
    creditor = {"name": "Ana Ruiz", "kind": "us", "account": {"number": "1", "routing": "2"}}
    return {"amount": amount, "currency": "USD", "reference": reference, "creditor": creditor}


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with running_bank(tmp_path_factory.mktemp("bank") / "book.sqlite") as running:
        yield running


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def test_bank_imports_nothing_but_the_standard_library_and_itself():
    files = sorted((CHECKOUT / "payments" / "sandbox_bank").glob("*.py"))
    assert files
    for path in [*files, CHECKOUT / "payments" / "__init__.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                own = name.startswith("payments.sandbox_bank")
                assert own or name.partition(".")[0] in sys.stdlib_module_names, (path, name)


def test_a_key_is_booked_once_and_answers_alike(bank: RunningBank, key):
    first = bank.pay(key, payout(key))
    again = bank.pay(key, payout(key))
    assert first[0] == 201
    assert again == (200, first[1])
    assert first[1]["status"] == "settled"
    assert [m["key"] for m in bank.movements()].count(key) == 1


def test_a_key_used_for_another_request_is_refused(bank: RunningBank, key):
    bank.pay(key, payout(key))
    assert bank.pay(key, payout(key, "412.36"))[0] == 422


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "1e2", "1_0", "1.00000", "", 5, None])
def test_bad_amounts_are_not_booked(bank: RunningBank, key, amount):
    status, answer = bank.pay(key, payout(key, amount))
    assert (status, answer["error"]) == (400, "invalid_request")
    assert bank.call("GET", f"/payouts/{key}")[0] == 404


def test_refusal_is_the_outcome_of_its_key_for_good(bank: RunningBank, key):
    bank.faults("refuse")
    assert bank.pay(key, payout(key))[1]["status"] == "refused"
    assert bank.pay(key, payout(key))[1]["status"] == "refused"
    assert bank.call("GET", f"/payouts/{key}")[1]["reason"] == "account_closed"


def test_dropped_answer_was_booked(bank: RunningBank, key):
    bank.faults("drop")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        bank.pay(key, payout(key))
    assert bank.call("GET", f"/payouts/{key}")[1]["status"] == "settled"
    assert bank.pay(key, payout(key))[0] == 200


def test_hanging_request_is_booked_at_most_once(bank: RunningBank):
    for _round in range(4):
        key = str(uuid.uuid4())
        bank.faults("hang", hang_ms=50, seed=_round)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            bank.pay(key, payout(key))
        bank.pay(key, payout(key))
        assert [m["key"] for m in bank.movements()].count(key) == 1


def test_answer_sent_twice_stands_on_the_connection_for_the_next_request(bank: RunningBank, key):
    bank.faults("twice")
    host, _, port = bank.url.removeprefix("http://").partition(":")
    body = json.dumps(payout(key)).encode()
    head = (
        f"POST /payouts HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    received = b""
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(head.encode() + body)
        while received.count(b"booked_at") < 2:
            received += wire.recv(65536)
    assert received.count(b"HTTP/1.1 201") == 2


def test_counters_tell_what_happened_and_survive_a_kill(tmp_path: Path):
    book = tmp_path / "book.sqlite"
    keys = [str(uuid.uuid4()) for _ in range(4)]
    with running_bank(book) as bank:
        bank.faults("none", "refuse", "twice", "none")
        for key in keys[:3]:
            bank.pay(key, payout(key, "0.10"))
        bank.pay(keys[0], payout(keys[0], "0.10"))
        bank.pay(keys[3], payout(keys[2], "0.10"))
        expected = {
            "requests": 5,
            "applied": 3,
            "refused": 1,
            "replayed": 1,
            "asked": 0,
            "invalid": 0,
            "paid_total": {"USD": "0.30"},
            "doubles": 1,
            "faults": {"refuse": 1, "twice": 1},
        }
        assert bank.counters() == expected
        bank.process.send_signal(signal.SIGKILL)
        bank.process.wait()
    with running_bank(book) as bank:
        assert bank.counters() == expected


def test_book_is_read_in_pages_to_its_end(tmp_path: Path):
    with running_bank(tmp_path / "book.sqlite") as bank:
        for number in range(205):
            bank.pay(str(uuid.uuid4()), payout(f"P-{number}", "1"))
        seqs = [m["seq"] for m in bank.movements()]
        assert seqs == list(range(1, 206))
        assert bank.counters()["paid_total"] == {"USD": "205"}


def test_settled_payout_can_come_back_once(bank: RunningBank, key):
    bank.pay(key, payout(key))
    path = f"/payouts/{key}/return"
    assert bank.call("POST", path, {"reason": "wrong_account"})[0] == 200
    assert bank.call("POST", path, {"reason": "wrong_account"})[0] == 409
    kinds = [m["kind"] for m in bank.movements() if m["key"] == key]
    assert kinds == ["settled", "returned"]


def test_rates_and_seed_give_the_same_faults_again(tmp_path: Path):
    seen = []
    for run in range(2):
        with running_bank(tmp_path / f"{run}.sqlite") as bank:
            bank.faults(refuse=300, twice=300, seed=11)
            for number in range(40):
                bank.pay(f"payout-{number:04d}", payout(f"P-{number}"))
            seen.append(bank.counters()["faults"])
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"refuse", "twice"}


def test_without_the_token_nothing_is_told(bank: RunningBank, key):
    assert bank.call("GET", "/counters", Authorization="Bearer wrong")[0] == 401
    assert bank.call("POST", "/payouts", payout(), Authorization="")[0] == 401
    assert bank.call("GET", "/health", Authorization="")[0] == 200


def test_unreadable_body_is_refused(bank: RunningBank, key):
    connection = http.client.HTTPConnection(bank.url.removeprefix("http://"), timeout=10)
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key}
    connection.request("POST", "/payouts", b"{nonsense", headers)
    assert connection.getresponse().status == 400
    connection.close()
