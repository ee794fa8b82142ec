"""Fixtures of the whole suite."""

from collections.abc import Iterator
from typing import Any

import pytest

# Seeded by migrate and never written by a test.
_SEEDED = {"django_migrations", "django_content_type", "auth_permission", "auth_group_permissions"}
_SEEDED |= {"auth_group"}


@pytest.fixture
def committed_db(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """A database whose transactions really commit, for tests with threads; emptied afterwards.

    Append-only tables are emptied as a replica would: only the test cluster grants that.
    """
    from django.db import connection, transaction

    with django_db_blocker.unblock():
        yield
        tables = set(connection.introspection.table_names()) - _SEEDED
        listed = ", ".join(connection.ops.quote_name(table) for table in sorted(tables))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"TRUNCATE {listed}")
        connection.close()
