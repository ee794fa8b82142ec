"""Fixtures of the whole suite: the cast, real API clients, and how committing tests clean up.

After the whole suite each error code must have been run into: `voltop.tests.reached_codes`.

`@pytest.mark.django_db(transaction=True)` is for threads and live servers; such tests are few.
Django would empty every table with a TRUNCATE, which append-only tables refuse, and seed anew.
Here the tables that migrate left empty are emptied by DELETE, which is faster for a few rows, as a
replica would: only the test cluster grants that.
"""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from django.utils import translation
from rest_framework.test import APIClient

from fleets.models import User
from voltop.tests import reached_codes
from voltop.tests.cast import PASSWORD, Cast

unreached: list[str] = []

# Drawn cases are the same in every run, and no slow moment of a machine is a failure.
hypothesis.settings.register_profile("voltop", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("voltop")


def pytest_configure() -> None:
    reached_codes.start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The access matrix's world, which takes seconds to build, is built once a worker: its tests
    come last, since it stands in a transaction that nobody else may meet.
    """
    items.sort(key=lambda item: "world" in getattr(item, "fixturenames", ()))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not look through it again and again, which
    costs a tenth of the suite."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    reached_codes.reached.update(getattr(node, "workeroutput", {}).get(reached_codes.OUTPUT, ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    unreached.extend(reached_codes.finish(session))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if unreached:
        terminalreporter.section("error codes", red=True)
        terminalreporter.write_line("\n".join(unreached))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: Any, django_db_blocker: Any) -> None:
    from django.db import connection, transaction
    from django.test import TransactionTestCase

    from fleets.backends import granted_by_role

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        granted_by_role()
        tables = sorted(connection.introspection.table_names(cursor))
        empty = []
        for table in map(connection.ops.quote_name, tables):
            cursor.execute(f"SELECT NOT EXISTS (SELECT FROM {table})")  # noqa: S608
            empty += [table] if cursor.fetchone()[0] else []

    delete_all = "; ".join(f"DELETE FROM {table}" for table in empty)  # noqa: S608

    def empty_tables(self: TransactionTestCase) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(delete_all)

    TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """The language of a test's last request is not the next test's."""
    yield
    translation.deactivate()


@pytest.fixture
def committed_db(transactional_db: None) -> None:
    """A database whose transactions really commit; emptied afterwards."""


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast()


@pytest.fixture
def api() -> Callable[..., APIClient]:
    """`api(user)` gives a client with that person's access token; `api()` an anonymous one."""

    from fleets.services import auth

    def client(user: User | None = None, **headers: Any) -> APIClient:
        made = APIClient()
        if user is not None:
            pair = auth.log_in(
                login=user.email or user.phone or "",
                password=PASSWORD,
                address="127.0.0.1",
                device=auth.Device(),
            )
            headers["Authorization"] = f"Bearer {pair.access_token}"
        made.credentials(**{f"HTTP_{k.replace('-', '_').upper()}": v for k, v in headers.items()})
        return made

    return client
