"""Baseline: no framework at all. WSGI, msgspec and COPY; the least that Python has to do."""

import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import psycopg
from msgspec import Meta

from benchmarks.ingest import table


def _number(name: str) -> Any:
    low, high = table.LIMITS[name]
    return Annotated[float, Meta(ge=low, le=high)] | None


Sample = msgspec.defstruct(
    "Sample",
    [
        ("vehicle", Annotated[int, Meta(ge=1)]),
        ("recorded_at", Annotated[datetime, Meta(tz=True)]),
        *((name, _number(name), None) for name in table.LIMITS),
        ("charging", Literal["none", "ac", "dc"] | None, None),
        ("plugged", bool | None, None),
        ("ignition", bool | None, None),
        ("occupied", bool | None, None),
    ],
    gc=False,
)


class Batch(msgspec.Struct):
    samples: list[Sample]  # type: ignore[valid-type]


_decode = msgspec.json.Decoder(Batch).decode
_local = threading.local()


def _connection() -> psycopg.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BENCH_DSN"], autocommit=True)
        _local.connection.execute(table.MAKE_STAGING)
    connection: psycopg.Connection = _local.connection
    return connection


def _store(samples: list[Any]) -> int:
    received_at = datetime.now(UTC)
    connection = _connection()
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(table.COPY) as copy:
            copy.set_types(table.TYPES)
            for sample in samples:
                copy.write_row(table.row(sample, received_at))
        cursor.execute(table.INSERT)
        accepted = cursor.rowcount
        cursor.execute(table.STATE)
    return accepted


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    try:
        samples = _decode(raw).samples
    except msgspec.DecodeError as error:
        status, answer = "422 Unprocessable Content", {"detail": str(error)}
    else:
        accepted = _store(samples)
        status = "200 OK"
        answer = {"accepted": accepted, "duplicates": len(samples) - accepted}
    body = msgspec.json.encode(answer)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
