"""Row triggers that hold for every table of ours, installed after each migrate; idempotent.

- `voltop_touch`: BEFORE UPDATE, sets updated_at and counts row_version.
- `voltop_append_only`: refuses UPDATE, DELETE and TRUNCATE (SQLSTATE 23514, constraint name
  `append_only`) on models that ask for it.
- `voltop_until_forgotten`: the same, but for a DELETE of one company's rows within `forgetting`, on
  models whose rows have a term.

Tests of append-only tables clean up under `session_replication_role = replica`, which only the
test cluster grants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import AppConfig
from django.db import connection as default_connection
from django.db import connections, models

from voltop.models import Model

FUNCTIONS = """
CREATE OR REPLACE FUNCTION voltop_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    NEW.row_version := OLD.row_version + 1;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION voltop_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE FUNCTION voltop_until_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('voltop.forgetting', true) = OLD.provider_id::text THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed, and deleted by their term', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'append_only', TABLE = TG_TABLE_NAME;
END $$;
"""

TRIGGERS = {
    "voltop_touch": "BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION voltop_touch()",
    "voltop_keep_rows": (
        "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION voltop_append_only()"
    ),
    "voltop_until_forgotten": (
        "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION voltop_until_forgotten()"
    ),
    "voltop_keep_table": (
        "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION voltop_append_only()"
    ),
}


def triggers_of(model: type[models.Model]) -> set[str]:
    """Names of the triggers that a model's table must carry."""
    if not issubclass(model, Model) or not model._meta.managed or model._meta.proxy:
        return set()
    if model.append_only:
        rows = "voltop_until_forgotten" if model.until_forgotten else "voltop_keep_rows"
        return {rows, "voltop_keep_table"}
    return {"voltop_touch"}


@contextmanager
def forgetting(provider_id: int) -> Iterator[None]:
    """Within the caller's transaction, rows of this company may be deleted whose term is over.

    Called by the services that apply a term (test_house.py names them), after they have looked.
    """
    if not default_connection.in_atomic_block:
        raise RuntimeError("what is forgotten is forgotten in one transaction")
    with default_connection.cursor() as cursor:
        cursor.execute("SELECT set_config('voltop.forgetting', %s, true)", [str(provider_id)])
        yield
        cursor.execute("SELECT set_config('voltop.forgetting', '', true)")


def install_triggers(sender: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Bring the triggers of one app's tables in line; called by post_migrate."""
    connection = connections[using]
    wanted = {m._meta.db_table: triggers_of(m) for m in sender.get_models()}
    wanted = {table: names for table, names in wanted.items() if names}
    if not wanted or connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
        present = _present(cursor, list(wanted))
        existing = set(connection.introspection.table_names(cursor))
        for table, names in wanted.items():
            if table not in existing:
                continue  # a migration backwards has taken the table away
            quoted = connection.ops.quote_name(table)
            for name in names - present.get(table, set()):
                definition = TRIGGERS[name].format(table=quoted)
                cursor.execute(f"CREATE TRIGGER {name} {definition}")
            for name in (present.get(table, set()) & TRIGGERS.keys()) - names:
                cursor.execute(f"DROP TRIGGER {name} ON {quoted}")


def _present(cursor: Any, tables: list[str]) -> dict[str, set[str]]:
    cursor.execute(
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE c.relname = ANY(%s) AND c.relnamespace = current_schema()::regnamespace"
        " AND NOT t.tgisinternal",
        [tables],
    )
    present: dict[str, set[str]] = {}
    for table, trigger in cursor.fetchall():
        present.setdefault(table, set()).add(trigger)
    return present
