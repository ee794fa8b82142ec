"""Where the demo's sandbox bank lives: an address and a token, kept from start to start."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "city-bank.json"


@dataclass(frozen=True, slots=True)
class BankAccess:
    """Where the sandbox bank answers, and the token that opens it."""

    url: str
    token: str


def remembered_bank(home: Path) -> BankAccess:
    """The bank of this instance; a new address where there is none or another took the port."""
    path = home / FILE
    if path.exists():
        kept = BankAccess(**json.loads(path.read_text()))
        if _is_free(int(kept.url.rpartition(":")[2])):
            return kept
    made = BankAccess(f"http://127.0.0.1:{_free_port()}", secrets.token_urlsafe(24))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(made), file)
    return made


def read_bank(home: Path) -> BankAccess:
    """What `remembered_bank` has written."""
    return BankAccess(**json.loads((home / FILE).read_text()))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
