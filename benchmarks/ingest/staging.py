"""The limit: what PostgreSQL itself takes, given ready-made binary rows on one connection."""

import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import psycopg

from benchmarks.ingest import bare, table
from benchmarks.ingest.traffic import Body

_FORMATS = {"int8": "q", "timestamptz": "q", "int4": "i", "int2": "h", "bool": "?"}
_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def encode(body: bytes) -> bytes:
    """A body's samples as PostgreSQL's binary COPY wants them."""
    now = datetime.now(UTC)
    samples = msgspec.json.decode(body, type=bare.Batch).samples
    return _HEADER + b"".join(_row(table.row(sample, now)) for sample in samples) + _TRAILER


def _row(values: tuple[object, ...]) -> bytes:
    parts = [struct.pack("!h", len(values))]
    for value, kind in zip(values, table.TYPES, strict=True):
        if value is None:
            parts.append(struct.pack("!i", -1))
            continue
        if isinstance(value, datetime):
            value = round((value - _EPOCH).total_seconds() * 1e6)
        packed = struct.pack("!" + _FORMATS[kind], value)
        parts.append(struct.pack("!i", len(packed)) + packed)
    return b"".join(parts)


def run(
    dsn: str, bodies: Iterator[Body], *, seconds: float, cpu: Callable[[], float]
) -> tuple[int, float, float]:
    """Store batches for so long: rows stored, seconds in PostgreSQL, its CPU seconds by `cpu`.

    Encoding is not counted. The clock is read while the connection's process still lives.
    """
    stored, spent = 0, 0.0
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(table.MAKE_STAGING)
        before = cpu()
        while spent < seconds:
            ready = encode(next(bodies)())
            started = time.perf_counter()
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(table.COPY) as copy:
                    copy.write(ready)
                cursor.execute(table.INSERT)
                stored += cursor.rowcount
                cursor.execute(table.STATE)
            spent += time.perf_counter() - started
        return stored, spent, cpu() - before
