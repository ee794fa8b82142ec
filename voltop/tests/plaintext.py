"""Where bytes that must be unreadable at rest could stand, and the forms they could stand in.

`Places` reads whole: a dump of the database, its files and its write-ahead log since a moment, what
the servers and this process logged, every value in Valkey, and the folder of files.
"""

import base64
import io
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection

from voltop import logs
from voltop.embedded import binaries, paths
from voltop.embedded.postgres import connect_as_superuser

SEGMENT = 1 << 24
READERS: dict[bytes, Callable[[redis.Redis, bytes], Any]] = {
    b"string": lambda client, key: client.get(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"hash": lambda client, key: client.hgetall(key),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1),
    b"stream": lambda client, key: client.xrange(key),
}


def forms(text: str) -> Iterator[bytes]:
    """A text as bytes, in the ways in which programs write such things; in small letters."""
    grouped = [" ".join(text[at : at + 4] for at in range(0, len(text), 4))]
    for said in (text, text[::-1], *grouped, *(g.replace(" ", "-") for g in grouped)):
        yield said.encode().lower()
    for encoding in ("utf-16-le", "utf-16-be"):
        yield text.encode(encoding).lower()
    for case in {text, text.upper(), text.lower()}:
        yield case.encode().hex().encode()
        for shift in range(3):  # base64 of something longer: the middle that does not depend on it
            inner = base64.b64encode(b"\0" * shift + case.encode())
            yield inner[(0, 2, 3)[shift] : len(inner) // 4 * 4 - 4].lower()


class Places:
    """Everything that is kept, from the moment this is made."""

    def __init__(self) -> None:
        self.layout = paths.layout()
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.JsonFormatter())
        self.handler = handler
        self.database = str(connection.settings_dict["NAME"])
        with connect_as_superuser(self.layout.run_dir) as admin:
            [self.begun] = admin.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()

    def __enter__(self) -> "Places":
        self.level = logging.getLogger().level
        logging.getLogger().addHandler(self.handler)
        logging.getLogger().setLevel(logging.INFO)
        return self

    def __exit__(self, *error: Any) -> None:
        logging.getLogger().removeHandler(self.handler)
        logging.getLogger().setLevel(self.level)

    def read(self) -> dict[str, bytes]:
        """What stands where, in small letters."""
        found = {
            "dump": self._dump(),
            "data files": self._data_files(),
            "write-ahead log": self._wal(),
            "valkey": b"\n".join(self._valkey()),
            "logs": self.stream.getvalue().encode() + self._server_logs(),
            "files": b"\n".join(_stored_files()),
        }
        return {name: content.lower() for name, content in found.items()}

    def _dump(self) -> bytes:
        server = binaries.find(self.layout, paths.service_account()).postgres
        return subprocess.run(
            [
                server.with_name("pg_dump"),
                *("--host", self.layout.run_dir, "--username", "postgres", self.database),
            ],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            check=True,
        ).stdout

    def _data_files(self) -> bytes:
        """The database's own files, once everything is written to them."""
        with connect_as_superuser(self.layout.run_dir, self.database) as admin:
            admin.execute("CHECKPOINT")
            [oid] = admin.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        folder = next(self.layout.service_home.glob(f"postgres/*/base/{oid}"))
        return b"\n".join(path.read_bytes() for path in folder.iterdir() if path.is_file())

    def _wal(self) -> bytes:
        folder = next(self.layout.service_home.glob("postgres/*/pg_wal"))
        segments = [path for path in folder.iterdir() if path.name >= self.begun and path.is_file()]
        return b"\n".join(path.read_bytes()[:SEGMENT] for path in sorted(segments))

    def _valkey(self) -> Iterator[bytes]:
        for number in range(int(os.environ.get("VOLTOP_REDIS_BASE_DB", "0")), 200):
            client = redis.Redis(unix_socket_path=str(self.layout.valkey_socket), db=number)
            try:
                keys = list(client.scan_iter(count=1000))
            except redis.ResponseError:
                return
            for key in keys:
                if (kind := client.type(key)) != b"none":
                    yield from (key, _flat(READERS[kind](client, key)))

    def _server_logs(self) -> bytes:
        return b"\n".join(path.read_bytes() for path in (self.layout.home / "log").glob("*.log"))


def _flat(value: Any) -> bytes:
    """A value with all that is in it, and what a task's body says under its base64."""
    if isinstance(value, bytes | str):
        raw = value.encode() if isinstance(value, str) else value
        return raw + b"".join(_decoded(part) for part in raw.split(b'"') if len(part) > 40)
    if isinstance(value, dict):
        return b" ".join(_flat(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set):
        return b" ".join(map(_flat, value))
    return str(value).encode()


def _decoded(part: bytes) -> bytes:
    try:
        return b" " + base64.b64decode(part, validate=True)
    except ValueError:
        return b""


def _stored_files() -> Iterator[bytes]:
    """Every file of every store that is a folder."""
    roots = {getattr(storages[alias], "location", "") for alias in settings.STORAGES}
    for root in filter(None, roots):
        yield from (path.read_bytes() for path in Path(root).rglob("*") if path.is_file())
