"""The embedded servers: nothing acknowledged is lost, nothing outlives its parent."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from voltop.demo.companies import PAST_IS_WRITTEN
from voltop.embedded import paths
from voltop.embedded.postgres import connect_as_superuser
from voltop.embedded.process import Busy, FileLock, ServiceError
from voltop.embedded.services import Claim, Services
from voltop.tests.embedded_instance import (
    environment,
    instance_folder,
    remove,
    seconds_until_nothing_lives,
    start_services_in_child,
)

START_AND_STOP = """
import sys
from pathlib import Path
from voltop.embedded.services import Claim, Services
services = Services(Claim(Path(sys.argv[1])))
services.postgres.initialise(sync=False)
services.start()
services.stop()
"""


@pytest.fixture
def home():
    with instance_folder() as folder:
        yield folder


@contextlib.contextmanager
def running(home):
    services = Services(Claim(home))
    try:
        services.postgres.initialise(sync=False)
        services.start()
        yield services
    finally:
        services.stop()
        services.claim.close()


@pytest.fixture(scope="module")
def services():
    with instance_folder() as home, running(home) as started:
        started.postgres.ensure_role()
        started.postgres.ensure_database()
        yield started


def as_application(services, **more):
    return psycopg.connect(
        host=str(services.layout.run_dir), user="voltop", dbname="voltop", **more
    )


def test_the_application_owns_its_database_and_is_no_superuser(services):
    with as_application(services) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,"
            " (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'voltop')"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, False, "voltop")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET session_replication_role = replica")


def test_case_folds_beyond_ascii_and_times_are_utc(services):
    with as_application(services) as connection:
        row = connection.execute(
            "SELECT upper('é'), 'Ñ' ILIKE 'ñ', current_setting('timezone'),"
            " current_setting('server_encoding')"
        ).fetchone()
    assert row == ("É", True, "UTC", "UTF8")


def test_committed_rows_survive_a_killed_server_and_its_stale_files(services):
    with as_application(services, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        services.postgres.process.kill()
        services.postgres.process.wait()
    # The stale pid file names a living process that is not PostgreSQL: ours.
    pid_file = services.postgres.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    services.postgres.start()
    with as_application(services) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_killed_server_is_started_again_while_its_last_query_still_runs(services):
    """A query that computes notices its server's death only at its end."""
    with contextlib.closing(as_application(services, autocommit=True)) as connection:
        pid = connection.info.backend_pid
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 5000000)")
        services.postgres.process.kill()
        services.postgres.process.wait()
        assert Path(f"/proc/{pid}").exists()
        services.postgres.start()
    with as_application(services) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_valkey_keeps_its_queue_through_a_kill(services):
    client = redis.Redis(unix_socket_path=str(services.layout.valkey_socket))
    client.rpush("queue", *range(500))
    client.config_set("appendfsync", "always")
    client.rpush("queue", "last")
    services.valkey.process.kill()
    services.valkey.process.wait()
    services.valkey.start()
    assert client.llen("queue") == 501
    client.close()


def test_making_role_database_and_data_directory_again_changes_nothing(services):
    assert services.postgres.initialise() is False
    assert services.postgres.ensure_database() is False
    services.postgres.ensure_role()


def test_a_half_made_data_directory_is_thrown_away(home):
    claim = Claim(home)
    services = Services(claim)
    half = services.postgres.data.with_name(services.postgres.data.name + ".new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    try:
        assert services.postgres.initialise(sync=False) is True
        assert not half.exists()
    finally:
        claim.close()


def test_an_instance_runs_once(home):
    first = Claim(home)
    first.lock.note("http://127.0.0.1:1/, process 1")
    try:
        with pytest.raises(Busy, match=r"runs already in .*process 1\)"):
            Claim(home)
    finally:
        first.close()
    Claim(home).close()


def test_a_survivor_of_an_earlier_run_is_named(home, monkeypatch):
    monkeypatch.setattr("voltop.embedded.services._LEFTOVER_WAIT_S", 0.1)
    claim = Claim(home)
    survivor = subprocess.Popen(["/bin/sleep", "60"], pass_fds=[claim.lifeline.fd])
    claim.close()
    try:
        with pytest.raises(ServiceError, match=f"pids: {survivor.pid}"):
            Claim(home)
    finally:
        survivor.kill()
        survivor.wait()
    Claim(home).close()


def test_a_folder_that_somebody_else_put_there_is_refused(home):
    claim = Claim(home)
    outside = home / "elsewhere"
    outside.mkdir()
    (home / "run").symlink_to(outside)
    try:
        with pytest.raises(ServiceError, match="belongs to somebody else"):
            Services(claim)
    finally:
        claim.close()


def test_a_server_that_cannot_start_says_why(home):
    services = Services(Claim(home), postgres_settings={"shared_buffers": "nonsense"})
    services.postgres.initialise(sync=False)
    try:
        with pytest.raises(ServiceError, match=r"PostgreSQL did not start.*shared_buffers"):
            services.postgres.start()
    finally:
        services.claim.close()


def test_killing_the_parent_leaves_no_server_behind(home):
    child = start_services_in_child(home)
    child.kill()
    child.wait()
    child.stdout.close()
    assert seconds_until_nothing_lives(home) < 5


def test_servers_start_again_right_after_their_parent_was_killed(home):
    child = start_services_in_child(home)
    child.kill()
    child.wait()
    child.stdout.close()
    with running(home) as services, connect_as_superuser(services.layout.run_dir) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_cleaning_refuses_while_the_instance_runs_and_then_removes_all(home):
    command = [sys.executable, "-m", "voltop.embedded.clean"]
    lock = FileLock(home / "up.lock")
    lock.acquire()
    refused = subprocess.run(
        command, env=environment(home), cwd=paths.CHECKOUT, capture_output=True
    )
    lock.close()
    assert refused.returncode == 1
    assert b"not cleaned" in refused.stderr
    Services(Claim(home)).claim.close()
    (home / "postgres" / "18").mkdir()
    (home / "files" / "3").mkdir(parents=True)
    for name in ("beat-schedule.dat", "bank.sqlite3", "city-tokens.json", PAST_IS_WRITTEN):
        (home / name).touch()
    subprocess.run(command, env=environment(home), cwd=paths.CHECKOUT, check=True)
    assert not home.exists()


@pytest.mark.slow
def test_paths_as_long_as_the_system_allows(home):
    home.chmod(0o755)
    long = home / ("long-" * 40) / ("path-" * 40)
    try:
        with running(long) as services:
            assert len(str(services.postgres.data)) > 400
    finally:
        remove(long)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the services as another account")
def test_root_below_a_closed_folder_runs_copies_elsewhere(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    below = closed / "home"
    try:
        with running(below) as services:
            assert services.layout.relocated
            owner = (services.layout.service_home / "postgres").stat().st_uid
            assert owner == services.account.uid
    finally:
        remove(below)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_a_name_can_start_the_services(home):
    """As in a container that runs under a number of its own."""
    uid = 70_000
    stranger = paths.Account("", uid, uid)
    for needed in (paths.CHECKOUT, home.parent, Path(sys.executable).resolve().parent):
        if not paths.reachable(needed, stranger):
            pytest.skip(f"others cannot enter {needed}")
    os.chown(home, uid, uid)
    subprocess.run(
        [sys.executable, "-c", START_AND_STOP, str(home / "own")],
        cwd=paths.CHECKOUT,
        env=environment(home),
        user=uid,
        group=uid,
        extra_groups=[],
        check=True,
    )
