"""Statements that run on every batch of the hottest paths: prepared, their arrays packed here.

psycopg's own dumper of lists asks for every element what it is, which costs more than the rest of
such a statement; Django prepares nothing and would have it planned anew each time. Not for
ordinary queries: those are the ORM's.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from django.db import connection
from psycopg import pq
from psycopg.adapt import Dumper

from voltop.database import outages

_NULL = struct.pack("!i", -1)


class _Kind(NamedTuple):
    oid: int
    format: str


# A timestamptz travels as whole microseconds since 2000-01-01 UTC.
_KINDS = {
    "int8": _Kind(20, "q"),
    "float8": _Kind(701, "d"),
    "timestamptz": _Kind(1184, "q"),
    "bool": _Kind(16, "?"),
    "text": _Kind(25, ""),
}


class Array:
    """A one-dimensional array as PostgreSQL reads it; made by `array`."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _ArrayDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.data


# For connections made from now on: the kernel's AppConfig imports this before there are any.
psycopg.adapters.register_dumper(Array, _ArrayDumper)


def array(values: Sequence[Any], kind: str) -> Array | None:
    """Values of one kind, None among them allowed; nothing but None is no array at all."""
    if not values:
        return Array(struct.pack("!iii", 0, 0, _KINDS[kind].oid))
    nulls = values.count(None)
    if nulls == len(values):
        return None
    oid, letter = _KINDS[kind]
    head = struct.pack("!iii", 1, bool(nulls), oid) + struct.pack("!ii", len(values), 1)
    if not letter:
        texts = [None if value is None else value.encode() for value in values]
        parts = [_NULL if t is None else struct.pack("!i", len(t)) + t for t in texts]
        return Array(head + b"".join(parts))
    item = struct.Struct("!i" + letter)
    size = item.size - 4
    if nulls:
        parts = [_NULL if value is None else item.pack(size, value) for value in values]
        return Array(head + b"".join(parts))
    flat = [size] * (2 * len(values))
    flat[1::2] = values
    return Array(head + struct.pack("!" + ("i" + letter) * len(values), *flat))


@contextmanager
def raw_cursor(query: str) -> Iterator[psycopg.Cursor]:
    """psycopg's own cursor for one statement on Django's connection."""
    connection.ensure_connection()
    with (
        outages.noted(outages.current(), connection, query),
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
    ):
        yield cursor


def execute(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement on Django's connection, prepared once a connection; its rows.

    Arrays need a cast in the statement (`%b::int8[]`), which is where they get their type from.
    """
    with raw_cursor(query) as cursor:
        raw = cursor.connection
        usual = raw.prepare_threshold
        raw.prepare_threshold = 0
        try:
            cursor.execute(query, parameters, prepare=True, binary=True)
        finally:
            raw.prepare_threshold = usual
        return cursor.fetchall() if cursor.description else []
