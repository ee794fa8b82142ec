"""Migrations that seal what stood in clear, on rows in the old form; the rows are real ones.

The tables are first brought back to their old form by the migrations' own operations, within the
test's transaction, which PostgreSQL takes back with everything else.
"""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.transaction import atomic

from drivers import identities, services
from drivers.duplicates import twins_of
from drivers.models import Driver, PayoutAccount
from drivers.services.payout_accounts import holder_tax_id_of
from fleets.models import DataImport
from fleets.services import imports
from voltop import crypto
from voltop.management.commands.migrate import rendering_only_what_changes
from voltop.records import record_kinds
from voltop.tables import IdempotencyKey

pytestmark = pytest.mark.django_db
PAPERS, TAX_IDS, NATIONAL_IDS = (
    *("0003_papers", "0004_sealed_tax_ids"),
    "0006_sealed_national_ids",
)
RFCS = ("GODE561231GR8", "ZAPB851231AB1", "QUAZ880101MD9")


class Past:
    """The tables of drivers before a migration, and the way forward again."""

    def __init__(self) -> None:
        self.loader = MigrationLoader(connection)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def state(self, name: str) -> ProjectState:
        return self.loader.project_state(("drivers", name))

    def back(self, name: str, before: str) -> None:
        """Undo the schema of one migration; of what it did to rows nothing can be undone."""
        old, new = self.state(before), self.state(name)
        steps = [old.clone()]
        for operation in self.migration(name).operations:
            steps.append(steps[-1].clone())
            operation.state_forwards("drivers", steps[-1])
        assert steps[-1].models.keys() == new.models.keys()
        with connection.schema_editor(atomic=False) as editor:
            found = enumerate(self.migration(name).operations)
            for number, operation in reversed(list(found)):
                if operation.reversible:
                    operation.database_backwards(
                        "drivers", editor, steps[number + 1], steps[number]
                    )

    def migration(self, name: str):
        return self.loader.get_migration("drivers", name)

    def forward(self, name: str, before: str) -> None:
        with rendering_only_what_changes(), atomic(), connection.schema_editor() as editor:
            self.migration(name).apply(self.state(before), editor)


def columns(table: str) -> set[str]:
    with connection.cursor() as cursor:
        return {c.name for c in connection.introspection.get_table_description(cursor, table)}


def in_clear(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY id")
        return [value for (value,) in cursor.fetchall()]


def write(table: str, column: str, values: dict[int, str]) -> None:
    with connection.cursor() as cursor:
        for pk, value in values.items():
            cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def accounts(cast) -> list[PayoutAccount]:
    """Four: with a tax id each, but the last, whose driver is to be erased before."""
    drivers = [cast.driver, cast.other_driver, cast.foreign_driver, cast.new_driver("Erna")]
    return [
        services.set_payout_account(
            driver,
            actor=cast.actor(driver.provider),
            kind="clabe",
            details={"clabe": "002010077777777771"},
            holder_name="Somebody",
        )
        for driver in drivers
    ]


TABLE = "drivers_payoutaccount"


@pytest.fixture
def old_accounts(cast):
    """Tax ids in clear, as they were before they were sealed; the fourth driver is erased."""
    rows, past = accounts(cast), Past()
    with rendering_only_what_changes():
        past.back(NATIONAL_IDS, TAX_IDS)
        past.back(TAX_IDS, PAPERS)
    assert {"holder_tax_id"} < columns(TABLE)
    assert not {"holder_tax_sealed", "holder_tax_mask"} & columns(TABLE)
    written = dict(zip((row.pk for row in rows), (*RFCS, RFCS[0]), strict=True))
    write(TABLE, "holder_tax_id", written)
    crypto.destroy(f"drivers.driver:{rows[3].driver_id}", cast.a.pk)
    return past, rows


def test_tax_ids_are_sealed_and_can_be_read_by_whoever_pays(cast, old_accounts):
    past, rows = old_accounts
    past.forward(TAX_IDS, PAPERS)
    assert "holder_tax_id" not in columns(TABLE)
    past.forward(NATIONAL_IDS, TAX_IDS)
    found = [PayoutAccount.objects.unscoped().get(pk=row.pk) for row in rows]
    assert [account.holder_tax_mask for account in found] == [
        "•••• GR8",
        "•••• AB1",
        "•••• MD9",
        "",
    ]
    assert not any(RFCS[n].encode() in bytes(found[n].holder_tax_sealed) for n in range(3))
    read = [holder_tax_id_of(row, actor=cast.actor(row.provider)) for row in found]
    assert read == [*RFCS, ""], "of somebody erased nothing is kept"
    assert [bytes(row.fingerprint or b"") for row in found] == [bytes(r.fingerprint) for r in rows]


def test_a_sealing_that_is_broken_off_leaves_all_as_it_was(old_accounts, monkeypatch):
    past, rows = old_accounts
    module = import_module(f"drivers.migrations.{TAX_IDS}")
    right, done = module.seal, []

    def breaks_off(*args):
        done.append(args)
        if len(done) == 3:
            raise ConnectionError("the machine is gone")
        return right(*args)

    with monkeypatch.context() as patched:
        patched.setattr(module, "seal", breaks_off)
        with pytest.raises(ConnectionError):
            past.forward(TAX_IDS, PAPERS)
    assert in_clear(TABLE, "holder_tax_id") == [*RFCS, RFCS[0]]
    assert "holder_tax_sealed" not in columns(TABLE)
    past.forward(TAX_IDS, PAPERS)
    assert [bool(sealed) for sealed in in_clear(TABLE, "holder_tax_sealed")] == [True] * 3 + [False]
    assert len(rows) == 4


@pytest.mark.parametrize(("name", "before"), [(TAX_IDS, PAPERS), (NATIONAL_IDS, TAX_IDS)])
def test_nothing_is_unsealed_by_going_back(cast, name, before):
    assert cast.driver
    past = Past()
    with pytest.raises(IrreversibleError), connection.schema_editor() as editor:
        past.migration(name).unapply(past.state(before), editor)
    assert "identity_sealed" in columns("drivers_driver")
    assert "holder_tax_sealed" in columns(TABLE)


def test_national_ids_are_sealed_and_found_again_by_their_fingerprint(cast):
    drivers = [cast.driver, cast.other_driver, cast.foreign_driver]
    past = Past()
    with rendering_only_what_changes():
        past.back(NATIONAL_IDS, TAX_IDS)
    written = zip(drivers, ("CURP-77", "curp 77", ""), strict=True)
    write("drivers_driver", "national_id", {driver.pk: number for driver, number in written})
    past.forward(NATIONAL_IDS, TAX_IDS)
    assert "national_id" not in columns("drivers_driver")
    found = [Driver.objects.unscoped().get(pk=driver.pk) for driver in drivers]
    assert [driver.national_id for driver in found] == ["CURP-77", "curp 77", ""]
    assert [twin.driver for twin in twins_of(found[0])] == [found[1]]
    again = identities.columns_of(found[0].pk, cast.a.pk, "CURP77")["identity_fingerprint"]
    assert bytes(found[0].identity_fingerprint) == again
    assert found[2].identity_fingerprint is None


def test_kept_answers_are_sealed_once_and_replayed_as_ever(cast, api):
    client, key = api(cast.owner), {"HTTP_IDEMPOTENCY_KEY": "K-1"}
    first = client.post("/api/v1/depots", {"name": "North"}, format="json", **key)
    kept = IdempotencyKey.objects.filter(key="K-1")
    kept.update(body=first.content)
    seal = import_module("voltop.migrations.0007_sealed_answers").seal_answers
    seal(apps, None)
    sealed = bytes(kept.get().body)
    assert b"North" not in sealed
    seal(apps, None)
    assert bytes(kept.get().body) == sealed
    again = client.post("/api/v1/depots", {"name": "North"}, format="json", **key)
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")


def test_files_that_wait_for_their_rows_are_sealed_and_still_taken(cast):
    content = b"name\nNorth\n"
    made = imports.request_import(
        cast.a,
        actor=cast.actor(),
        kind=record_kinds()["depots"],
        file_name="depots.csv",
        content=content,
    )
    rows = DataImport.objects.unscoped().filter(pk=made.pk)
    rows.update(content=content)
    import_module("fleets.migrations.0015_sealed_import_files").seal_files(apps, None)
    assert content not in bytes(rows.get().content)
    assert imports.file_of(rows.get()) == content
