"""What the database says, in domain words.

A broken constraint becomes the error that claims it (`DomainError.constraints`), else a general
one by SQLSTATE. Not here: which rule a constraint guards (`<app>/errors`).
"""

from functools import cache
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError

from voltop.api import errors
from voltop.errors import DomainError, LockBusy, all_error_classes

NOT_NULL, FOREIGN_KEY, UNIQUE, CHECK, EXCLUSION = "23502", "23503", "23505", "23514", "23P01"
LOCK_NOT_AVAILABLE, QUERY_CANCELED = "55P03", "57014"
RETRY_STATES = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the same transaction may succeed at once."""

BY_STATE: dict[str, type[DomainError]] = {
    FOREIGN_KEY: errors.InUse,
    UNIQUE: errors.Conflict,
    EXCLUSION: errors.Conflict,
    CHECK: errors.CheckFailed,
    "22003": errors.OutOfRange,
    "22008": errors.InstantOutOfRange,
    "22021": errors.NullCharacters,
    "22P05": errors.NullCharacters,
}


def broken_rule(error: DomainError | DatabaseError) -> DomainError:
    """The rule that was broken, also where the database was first to say it.

    What is a mistake of our own, or a database that is away, is raised on.
    """
    if isinstance(error, DomainError):
        return error
    broken = translate_database_error(error)
    if isinstance(broken, errors.InternalError | errors.DatabaseUnavailable):
        raise error
    return broken


def sqlstate(exc: BaseException) -> str:
    """The SQLSTATE behind a Django or psycopg error; empty where the server said nothing."""
    for candidate in (exc, exc.__cause__):
        state = getattr(candidate, "sqlstate", None)
        if state:
            return str(state)
    return ""


def constraint_name(exc: BaseException) -> str:
    diagnostics = getattr(exc.__cause__, "diag", None) or getattr(exc, "diag", None)
    return str(getattr(diagnostics, "constraint_name", None) or "")


def translate_database_error(exc: BaseException) -> DomainError:
    """The domain error of a database error; InternalError for a mistake of our own code."""
    state = sqlstate(exc)
    if state in (UNIQUE, EXCLUSION, CHECK, FOREIGN_KEY):
        named = errors_by_constraint().get(constraint_name(exc))
        return named() if named else BY_STATE[state]()
    if state == LOCK_NOT_AVAILABLE:
        return LockBusy(retry_after_s=2)
    if state in RETRY_STATES:
        return errors.TryAgain(retry_after_s=1)
    if state == QUERY_CANCELED:
        return errors.TimedOut(retry_after_s=5)
    if state.startswith("22"):
        return BY_STATE.get(state, errors.InvalidValue)()
    if state.startswith(("08", "53", "57P")) or (
        not state and isinstance(exc, (OperationalError, InterfaceError))
    ):
        return errors.DatabaseUnavailable(retry_after_s=5)
    if not state and type(exc).__name__ == "PoolTimeout":
        return errors.DatabaseUnavailable(retry_after_s=2)
    return errors.InternalError()


@cache
def errors_by_constraint() -> dict[str, type[DomainError]]:
    """Constraint name -> the error class that claims it (`DomainError.constraints`)."""
    found: dict[str, type[DomainError]] = {}
    for error_class in all_error_classes().values():
        for name in error_class.constraints:
            if found.setdefault(name, error_class) is not error_class:
                raise RuntimeError(f"two errors claim the constraint {name}")
    return found


def held_by(exc: ProtectedError | RestrictedError) -> dict[str, int]:
    """How many rows of which kind keep an object from being deleted."""
    rows: Any = getattr(exc, "protected_objects", None) or getattr(exc, "restricted_objects", ())
    counts: dict[str, int] = {}
    for row in rows:
        counts[row._meta.label_lower] = counts.get(row._meta.label_lower, 0) + 1
    return counts
