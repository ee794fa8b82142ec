"""Somebody who was erased stays erased, whichever old backup is restored."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from drivers import services
from drivers.errors import DriverBlocked, DriverNotGone
from drivers.models import Driver, PayoutAccount
from drivers.services.erasure import is_erased
from drivers.services.payout_accounts import holder_tax_id_of
from drivers.tests.papers import hand_in
from fleets import audit
from fleets.models import AuditEntry, User
from voltop import clock, crypto, erasures, files, health
from voltop.embedded import binaries, paths
from voltop.embedded.postgres import SUPERUSER, connect_as_superuser
from voltop.errors import ReasonRequired
from voltop.tests.cast import Cast
from voltop.tests.embedded_instance import needs_embedded_services

GIVEN, FAMILY, EMAIL = "Quirinius", "Zebedaeus", "quirinius@canary.example"
PHONE, CURP, RFC, CLABE = "+525598761234", "CURP-424242", "GODE561231GR8", "002010077777777771"
PERSON = (GIVEN, FAMILY, EMAIL, PHONE, CURP, RFC, CLABE)


@pytest.fixture(autouse=True)
def store(tmp_path, settings):
    """A store of files of one's own: notes of other tests are no business of this one."""
    told = {**settings.STORAGES, "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "files")},
    }}  # fmt: skip
    settings.STORAGES = told
    health._none_undone.cache_clear()
    yield tmp_path / "files"
    health._none_undone.cache_clear()


def somebody(cast: Cast, provider=None) -> Driver:
    """A driver with everything that tells who they are."""
    provider = provider or cast.a
    actor = cast.actor(provider)
    driver = services.invite_driver(
        provider, actor=actor, given_name=GIVEN, family_name=FAMILY, email=EMAIL, phone=PHONE,
        national_id=CURP, emergency_contact_name=FAMILY, employee_number="Q-1",
    )  # fmt: skip
    services.update_driver(driver, actor=actor, family_name=f"{FAMILY} y Canaria")
    for details, account_kind in (({"clabe": CLABE}, "clabe"), ({"clabe": CLABE}, "clabe")):
        services.set_payout_account(
            driver, actor=actor, kind=account_kind, details=details,
            holder_name=f"{GIVEN} {PayoutAccount.objects.count()}", holder_tax_id=RFC,
        )  # fmt: skip
    hand_in(cast, driver, number=CURP, at=clock.now() - timedelta(hours=1))
    return driver


def gone(cast: Cast, driver: Driver) -> Driver:
    actor = cast.actor(driver.provider)
    return services.terminate_driver(driver, actor=actor, reason="moved away")


def erase(cast: Cast, driver: Driver) -> Driver:
    return services.erase_driver(driver, actor=cast.actor(driver.provider), reason="asked for it")


# --- What is erased ------------------------------------------------------------------------------
@pytest.mark.django_db
def test_nothing_tells_any_more_who_somebody_erased_was(cast):
    driver = gone(cast, somebody(cast))
    stored = files.StoredFile.objects.unscoped().get()
    erased = erase(cast, driver)
    assert (erased.name, erased.national_id, erased.phone, erased.status) == (
        *("Erased", "", ""), "terminated",
    )  # fmt: skip
    for account in PayoutAccount.objects.unscoped().filter(driver=driver):
        assert (account.mask, account.holder_tax_mask, account.fingerprint) == ("", "", None)
        assert account.retired_at is not None
        with pytest.raises(crypto.KeyDestroyed):
            services.account_details(account, actor=cast.actor())
        assert holder_tax_id_of(account, actor=cast.actor()) == ""
    with pytest.raises(crypto.KeyDestroyed):
        files.read(stored)
    entry = AuditEntry.objects.get(action="driver.changed", object_id=driver.pk)
    with pytest.raises(crypto.KeyDestroyed):
        audit.reveal(entry, actor=cast.actor())
    user = User.objects.get(pk=driver.user_id)
    assert (user.is_active, user.full_name, user.phone) == (False, "", None)
    assert User.objects.filter(email=EMAIL).count() == 0
    assert AuditEntry.objects.get(action="driver.erased").reason == "asked for it"
    assert erase(cast, driver).updated_at == erased.updated_at
    with pytest.raises(crypto.KeyDestroyed):
        services.update_driver(driver, actor=cast.actor(), national_id="CURP-1")


@pytest.mark.django_db
def test_only_who_has_left_and_is_settled_with_is_erased(cast, monkeypatch):
    driver = somebody(cast)
    with pytest.raises(DriverNotGone):
        erase(cast, driver)
    gone(cast, driver)
    with pytest.raises(ReasonRequired):
        services.erase_driver(driver, actor=cast.actor(), reason=" ")
    owed = {"payments": lambda driver: [{"code": "balance_open", "count": 1, "overridable": True}]}
    with monkeypatch.context() as patched:
        patched.setattr("drivers.services.drivers.registry.collect", lambda point: owed)
        with pytest.raises(DriverBlocked):
            erase(cast, driver)
    assert list(erasures.notes()) == []
    assert Driver.objects.unscoped().get(pk=driver.pk).national_id == CURP


@pytest.mark.django_db
def test_a_note_tells_nothing_about_the_person(cast, store):
    driver = gone(cast, somebody(cast))
    erase(cast, driver)
    [note] = erasures.notes()
    assert (note.kind, note.object_id, note.provider_id) == ("drivers.driver", driver.pk, cast.a.pk)
    [path] = (store / "erased").iterdir()
    assert not any(word.encode() in path.read_bytes() for word in (*PERSON, "moved", "asked"))


# --- What a backup brings back -------------------------------------------------------------------
@pytest.mark.django_db
def test_no_process_is_ready_and_migrate_does_not_end_before_it_is_erased_again(cast, client):
    driver = gone(cast, somebody(cast))
    erasures.write_note(driver, clock.now())
    assert erasures.undone() != []
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"][:8]) == (503, "erasures")
    call_command("migrate", verbosity=0)
    assert is_erased(driver)
    assert client.get("/readyz").status_code == 200
    assert erasures.apply_again() == {}


@pytest.mark.django_db
def test_a_process_that_began_without_the_store_is_ready_once_that_is_back(
    cast, client, store, settings
):
    """Nobody has to start it anew, and nobody erased was shown in between."""
    away = store.with_name("away")
    away.write_text("no folder")
    there = settings.STORAGES
    gone = {**there["private"], "OPTIONS": {"location": str(away)}}
    settings.STORAGES = {**there, "private": gone}
    for _ in range(2):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["database"][:8]) == (503, "erasures")
    settings.STORAGES = there
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_store_that_is_not_there_is_not_one_without_notes(cast, client, store, caplog):
    """A volume that is not mounted, beside a database that knows of it."""
    assert client.get("/readyz").status_code == 200
    driver = gone(cast, somebody(cast))
    erasures.write_note(driver, clock.now())
    (store / "erased").rename(store / "unmounted")
    health._none_undone.cache_clear()  # another process
    for _ in range(2):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (
            503, "erasures are not known: the store of files has no marker: is it mounted?",
        )  # fmt: skip
    assert "is it mounted?" in caplog.text
    for command in ("migrate", "erase_again"):
        with pytest.raises(CommandError, match="is it mounted"):
            call_command(command, verbosity=0)
    (store / "unmounted").rename(store / "erased")
    assert client.get("/readyz").json()["database"][-11:] == "erase_again"
    call_command("erase_again")
    assert is_erased(driver)
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_store_that_was_lost_for_good_is_given_up_by_hand(client, store):
    assert client.get("/readyz").status_code == 200
    (store / "erased").rename(store / "lost")
    health._none_undone.cache_clear()
    assert client.get("/readyz").status_code == 503
    call_command("erase_again", new_store=True)
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_number_given_out_anew_is_another_driver(cast):
    driver = gone(cast, somebody(cast))
    erasures.write_note(driver, clock.now())
    [note] = erasures.notes()
    Driver.objects.filter(pk=driver.pk).update(created_at=driver.created_at)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE drivers_driver SET created_at = now() WHERE id = %s", [driver.pk])
    assert erasures.undone() == []
    assert erasures.apply_again() == {}
    assert Driver.objects.unscoped().get(pk=driver.pk).national_id == CURP
    assert note.object_id == driver.pk


@pytest.mark.django_db
def test_the_command_says_what_stands_in_the_way(cast):
    driver = somebody(cast)
    told = {"provider": cast.a.pk, "reason": "asked for it"}
    with pytest.raises(CommandError, match="driver_not_gone"):
        call_command("erase_driver", driver.pk, **told)
    with pytest.raises(CommandError, match="no driver"):
        call_command("erase_driver", driver.pk, **{**told, "provider": cast.b.pk})
    gone(cast, driver)
    call_command("erase_driver", driver.pk, **told)
    assert is_erased(driver)


# --- With real dumps -----------------------------------------------------------------------------
def tool(name: str, *arguments: str | Path, into: Path | None = None) -> bytes:
    layout = paths.layout()
    server = binaries.find(layout, paths.service_account()).postgres
    command = [server.with_name(name), "--host", layout.run_dir, "--username", SUPERUSER]
    return subprocess.run(
        [*command, *arguments],
        env={**os.environ, "LC_ALL": "C"},
        input=into.read_bytes() if into else b"",
        capture_output=True,
        check=True,
    ).stdout


@contextmanager
def restored(dump: Path) -> Iterator[str]:
    """A database of its own with what a dump holds."""
    name = f"restored_{os.getpid()}"
    with connect_as_superuser(paths.layout().run_dir) as admin:
        admin.execute(f'CREATE DATABASE "{name}" OWNER {paths.ROLE}')
        try:
            tool("pg_restore", "--dbname", name, "--no-owner", "--role", paths.ROLE, into=dump)
            yield name
        finally:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def manage(database: str, store: Path, *arguments: str) -> str:
    """A command of manage.py on that database, with the instance's keys and this test's store."""
    code = (
        "import sys, django; from django.conf import settings; django.setup()\n"
        "settings.STORAGES['private']['OPTIONS']['location'] = sys.argv[1]\n"
        "from django.core.management import call_command\n"
        "call_command(*sys.argv[2:])\n"
    )
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "VOLTOP_TEST"))},
        "DATABASE_URL": f"postgres://{paths.ROLE}@/{paths.layout().run_dir}/{database}",
        "DJANGO_SETTINGS_MODULE": "voltop.settings.base",
        "VOLTOP_DB_POOL_MAX": "0",
    }
    return subprocess.run(
        [sys.executable, "-c", code, str(store), *arguments],
        cwd=paths.CHECKOUT,
        env=env,
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def told_by(database: str) -> set[str]:
    """What a dump of the database tells in clear of the person."""
    dump = tool("pg_dump", database).decode()
    return {word for word in PERSON if word in dump}


def opened(database: str, store: Path) -> str:
    """What an application on that database reads under the person's own key."""
    rows = "Driver.objects.unscoped()"
    code = f"from drivers.models import Driver; print([d.national_id for d in {rows}])"
    return manage(database, store, "shell", "--no-imports", "-v", "0", "-c", code).strip()


@needs_embedded_services
@pytest.mark.usefixtures("committed_db")
def test_a_backup_from_before_brings_nobody_back(tmp_path, store):
    cast, dump = Cast(), tmp_path / "before.dump"
    driver = gone(cast, somebody(cast))
    dump.write_bytes(tool("pg_dump", "-Fc", str(connection.settings_dict["NAME"])))
    erase(cast, driver)
    files.move_kept()
    assert told_by(str(connection.settings_dict["NAME"])) == set()
    with restored(dump) as database:
        assert {GIVEN, FAMILY, EMAIL} <= told_by(database), "the backup holds the person"
        assert opened(database, store) == f"['{CURP}']", "and the key that opens what is sealed"
        again = json.loads(manage(database, store, "erase_again"))
        assert again == {"drivers.driver": 1}
        assert told_by(database) == set()
        assert opened(database, store) == "['']"
        assert json.loads(manage(database, store, "erase_again")) == {}
