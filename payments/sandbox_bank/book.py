"""The bank's book: payouts by idempotency key, movements in order, counters. SQLite, durable.

A key is booked once; asking again with the same request gives the first outcome, with another
request it is refused. Not here: HTTP, and faults (`server`, `faults`).
"""

import hashlib
import json
import re
import sqlite3
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

AMOUNT = re.compile(r"(?!0+(\.0+)?$)[0-9]{1,15}(\.[0-9]{1,4})?")
CURRENCY = re.compile(r"[A-Z]{3}")
KEY = re.compile(r"[0-9A-Za-z_.:-]{8,64}")
FIELDS = {"amount", "currency", "reference", "creditor"}
WISHES = ("refused", "returned", "unanswered")
"""Last words of a creditor's name that decide what becomes of money sent to it."""
CREDITOR_FIELDS = {"name", "kind", "account"}

SCHEMA = """
CREATE TABLE IF NOT EXISTS payout (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, bank_ref TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL, amount TEXT NOT NULL, currency TEXT NOT NULL,
    creditor TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, booked_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS movement (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, kind TEXT NOT NULL,
    reason TEXT NOT NULL, booked_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
"""


class InvalidRequest(Exception):
    """The request is not one this bank understands; nothing was booked."""


class KeyReused(Exception):
    """The key was used before for another request; nothing was booked."""


@dataclass(frozen=True)
class Payout:
    """What the bank knows of one payout; `status` is settled, refused or returned."""

    key: str
    bank_ref: str
    reference: str
    amount: str
    currency: str
    status: str
    reason: str
    booked_at: str


COLUMNS = "key, bank_ref, reference, amount, currency, status, reason, booked_at"


class Book:
    """One SQLite file, one connection, one lock: the bank does one thing at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def pay(self, key: str, request: dict[str, Any], *, refuse: bool) -> tuple[Payout, bool]:
        """Book the request under its key, or find what was booked; whether it was new.

        `refuse` books a refusal instead of a payment, if the key is new.
        Raises InvalidRequest, KeyReused.
        """
        check(key, request)
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._db.execute("SELECT digest FROM payout WHERE key = ?", [key]).fetchone()
            if known is None:
                self._insert(key, digest, request, refuse)
            elif known[0] != digest:
                raise KeyReused
            found = self._find(key)
        if found is None:
            raise RuntimeError("a payout vanished from the book")
        return found, known is None

    def _insert(self, key: str, digest: str, request: dict[str, Any], refuse: bool) -> None:
        number = self._db.execute("SELECT count(*) FROM payout").fetchone()[0] + 1
        wanted = wished(request)
        status, reason = ("settled", "")
        if refuse or wanted == "refused":
            status, reason = ("refused", "account_closed")
        at = datetime.now(UTC).isoformat()
        self._db.execute(
            "INSERT INTO payout VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                key,
                digest,
                f"SB-{number:08d}",
                request["reference"],
                request["amount"],
                request["currency"],
                json.dumps(request["creditor"], sort_keys=True),
                status,
                reason,
                at,
            ],
        )
        self._move(key, status, reason, at)
        if status == "settled" and wanted == "returned":
            self._send_back(key, "account_closed")

    def _move(self, key: str, kind: str, reason: str, at: str) -> None:
        self._db.execute(
            "INSERT INTO movement (key, kind, reason, booked_at) VALUES (?, ?, ?, ?)",
            [key, kind, reason, at],
        )

    def _find(self, key: str) -> Payout | None:
        row = self._db.execute(f"SELECT {COLUMNS} FROM payout WHERE key = ?", [key]).fetchone()  # noqa: S608
        return Payout(*row) if row else None

    def find(self, key: str) -> Payout | None:
        """What was booked under this key; None if the bank has never heard of it."""
        with self._lock:
            return self._find(key)

    def send_back(self, key: str, reason: str) -> Payout | None:
        """A settled payout comes back; None if there is no settled one under this key."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            return self._find(key) if self._send_back(key, reason) else None

    def _send_back(self, key: str, reason: str) -> bool:
        moved = self._db.execute(
            "UPDATE payout SET status = 'returned', reason = ? WHERE key = ?"
            " AND status = 'settled'",
            [reason, key],
        ).rowcount
        if moved:
            self._move(key, "returned", reason, datetime.now(UTC).isoformat())
        return bool(moved)

    def movements(self, after: int, limit: int) -> list[dict[str, Any]]:
        """The book in order: every settlement, refusal and return after number `after`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT m.seq, m.kind, m.reason, m.booked_at, p.key, p.bank_ref, p.reference,"
                " p.amount, p.currency FROM movement m JOIN payout p ON p.key = m.key"
                " WHERE m.seq > ? ORDER BY m.seq LIMIT ?",
                [after, limit],
            ).fetchall()
        names = "seq kind reason booked_at key bank_ref reference amount currency".split()
        return [dict(zip(names, row, strict=True)) for row in rows]

    def count(self, name: str) -> None:
        """Add one to a counter that survives a restart."""
        with self._lock, self._db:
            self._db.execute(
                "INSERT INTO tally VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = n + 1", [name]
            )

    def counters(self) -> dict[str, Any]:
        """What the bank did. `doubles`: references that were settled more than once."""
        with self._lock:
            tally = dict(self._db.execute("SELECT name, n FROM tally"))
            payouts = self._db.execute("SELECT currency, amount, status FROM payout").fetchall()
            doubles = self._db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM payout WHERE status = 'settled'"
                " GROUP BY reference HAVING count(*) > 1)"
            ).fetchone()[0]
        totals: dict[str, Decimal] = {}
        for currency, amount, status in payouts:
            if status == "settled":
                totals[currency] = totals.get(currency, Decimal()) + Decimal(amount)
        prefix = "fault_"
        return {
            "requests": tally.get("requests", 0),
            "applied": sum(1 for row in payouts if row[2] != "refused"),
            "refused": sum(1 for row in payouts if row[2] == "refused"),
            "replayed": tally.get("replayed", 0),
            "asked": tally.get("asked", 0),
            "invalid": tally.get("invalid", 0),
            "paid_total": {code: format(total, "f") for code, total in sorted(totals.items())},
            "doubles": doubles,
            "faults": {
                name.removeprefix(prefix): n for name, n in tally.items() if name.startswith(prefix)
            },
        }


def wished(request: dict[str, Any]) -> str:
    """The outcome that the creditor's name ends with: "Rita Returned" gets hers back."""
    last = str(request["creditor"]["name"]).rpartition(" ")[2].lower()
    return last if last in WISHES else ""


def check(key: str, request: Any) -> None:
    """Raise InvalidRequest with what is wrong, unless the request can be booked."""
    if not KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key: 8 to 64 letters, digits, _ . : -")
    if not isinstance(request, dict) or set(request) != FIELDS:
        raise InvalidRequest(f"fields: {', '.join(sorted(FIELDS))}")
    creditor = request["creditor"]
    if not isinstance(creditor, dict) or set(creditor) != CREDITOR_FIELDS:
        raise InvalidRequest(f"creditor: {', '.join(sorted(CREDITOR_FIELDS))}")
    if not isinstance(request["amount"], str) or not AMOUNT.fullmatch(request["amount"]):
        raise InvalidRequest("amount: a positive decimal in a string")
    if not isinstance(request["currency"], str) or not CURRENCY.fullmatch(request["currency"]):
        raise InvalidRequest("currency: three capital letters")
    reference = request["reference"]
    if not isinstance(reference, str) or not 0 < len(reference) <= 64:
        raise InvalidRequest("reference: 1 to 64 characters")


def as_json(payout: Payout) -> dict[str, str]:
    """A payout as the API shows it."""
    return asdict(payout)
