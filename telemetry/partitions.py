"""The daily partitions of `telemetry_sample`: made ahead, or on demand before rows are copied.

A partition is made as a table of its own (CREATE TABLE … LIKE) and then attached, on a connection
of its own under an advisory lock: CREATE TABLE … PARTITION OF would wait for every open ingest,
ATTACH waits for none. There is no DEFAULT partition; it would have to be scanned at each attach.
Not here: retention, and what is in the rows.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from voltop.errors import LockBusy

logger = logging.getLogger(__name__)

TABLE = "telemetry_sample"
LOCK_KEY = 0x766F6C_74656C  # "vol" "tel"
MANY_PARTITIONS = 100
"""More attached partitions than this still work, but plans without a time get slow."""

DAY = timedelta(days=1)

_known: set[date] = set()


def partition_name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def day_start(day: date) -> datetime:
    """UTC midnight: partitions are UTC days whatever a provider's zone."""
    return datetime.combine(day, time(), UTC)


def missing(days: Iterable[date], *, using: str = DEFAULT_DB_ALIAS) -> list[date]:
    """Those of the days that have no partition yet, oldest first."""
    unknown = set(days) - _known
    if not unknown:
        return []
    attached = attached_days(using=using)
    _known.update(unknown & attached)
    return sorted(unknown - attached)


def forget() -> None:
    """Drop what this process believes; called when a row found no partition."""
    _known.clear()


def ensure(days: Iterable[date], *, using: str = DEFAULT_DB_ALIAS) -> list[date]:
    """Make the partitions of these UTC days where they are missing; the days that were made.

    Returns once they are committed and visible to everyone. Raises LockBusy (503) when somebody
    else holds the lock for long.
    """
    missing = sorted(set(days) - _known)
    if not missing:
        return []
    made = []
    with _own_connection(using) as connection:
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        except psycopg.errors.LockNotAvailable as error:
            raise LockBusy(retry_after_s=2) from error
        attached = _attached(connection)
        for day in missing:
            if day not in attached:
                _make(connection, day)
                made.append(day)
    _known.update(missing)
    total = len(attached) + len(made)
    if made and total > MANY_PARTITIONS:
        logger.warning("telemetry: %d sample partitions are attached", total)
    return made


def drop(days: Iterable[date], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Drop these days with all their samples; nobody's ingest waits for it."""
    with _own_connection(using) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        for day in sorted(set(days) & _attached(connection)):
            name = partition_name(day)
            _known.discard(day)
            connection.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {name} CONCURRENTLY")
            connection.execute(f"DROP TABLE {name}")


def attached_days(*, using: str = DEFAULT_DB_ALIAS) -> set[date]:
    """The UTC days that have a partition now."""
    with _own_connection(using) as connection:
        return _attached(connection)


def _own_connection(using: str) -> "psycopg.Connection[tuple]":
    """A connection beside Django's: what is made here is committed at once, whatever runs there."""
    settings = connections[using].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        settings.pop(name, None)
    settings["options"] = "-c statement_timeout=30000 -c lock_timeout=10000"
    return psycopg.connect(**settings, autocommit=True)


def _attached(connection: "psycopg.Connection[tuple]") -> set[date]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass AND NOT i.inhdetachpending",
        [TABLE],
    )
    return {datetime.strptime(name[-8:], "%Y%m%d").date() for (name,) in rows}  # noqa: DTZ007


def _make(connection: "psycopg.Connection[tuple]", day: date) -> None:
    name, start = partition_name(day), day_start(day)
    _finish_drop(connection, name)
    with connection.transaction():
        connection.execute(
            f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
            " INCLUDING INDEXES INCLUDING STORAGE)"
            # Rows only come in: let vacuum set the visibility map early, for index-only scans.
            " WITH (autovacuum_vacuum_insert_scale_factor = 0.05)"
        )
        connection.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{start.isoformat()}') TO ('{(start + DAY).isoformat()}')"
        )


def _finish_drop(connection: "psycopg.Connection[tuple]", name: str) -> None:
    """Take away what a `drop` that was killed half way left of a day past its time."""
    left = connection.execute(
        "SELECT i.inhdetachpending FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
        " WHERE c.oid = to_regclass(%s)",
        [name],
    ).fetchone()
    if left is not None:
        if left[0]:
            connection.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {name} FINALIZE")
        connection.execute(f"DROP TABLE {name}")
