"""One embedded PostgreSQL: makes its data directory, runs it, creates the application's role.

For demo, development and tests. It listens on a unix socket in a folder that only the service
account (and root) can enter, so it trusts whoever reaches the socket; the application still
connects as a role that is no superuser.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

from voltop.embedded.binaries import Binaries
from voltop.embedded.namespaces import run_with_named_user
from voltop.embedded.paths import DATABASE, ROLE, Account
from voltop.embedded.process import FileLock, ServiceError, ask, run_tool, spawn, stop_all

SUPERUSER = "postgres"
MAJOR = "18"
_NOT_ALONE = "pre-existing shared memory block"
_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_INITDB = (
    "--auth=trust",
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    # Case folding beyond ASCII that is the same whatever LANG the machine has.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
}


def connect_as_superuser(run_dir: Path, database: str = "postgres") -> psycopg.Connection:
    """A superuser's connection in autocommit to the server whose socket is in `run_dir`."""
    return psycopg.connect(
        host=str(run_dir),
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
        connect_timeout=5,
    )


class Postgres:
    """The server of one data directory. `start()` and `stop()` belong to the main thread."""

    def __init__(
        self,
        *,
        data: Path,
        run_dir: Path,
        binaries: Binaries,
        account: Account | None,
        log: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.run_dir = run_dir
        self.binaries = binaries
        self.account = account
        self.log = log
        self.settings = {**_SETTINGS, **(settings or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def initialise(self, *, sync: bool = True) -> bool:
        """Make the data directory if there is none; whether it was made.

        Made beside its place and renamed, so that an interrupted start leaves no half of one.
        """
        if (self.data / "PG_VERSION").exists():
            return False
        draft = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        command: list[str | Path] = [self.binaries.initdb, f"--pgdata={draft}", *_INITDB]
        if not sync:
            command.append("--no-sync")
        run_with_named_user(command, run=run_tool, account=self.account, env=_ENV)
        draft.rename(self.data)
        return True

    def start(self, *, locks: tuple[FileLock, ...] = (), wait_s: float = 30) -> None:
        """Start the server and wait until it answers; ServiceError with its log if it does not.

        `locks` stay taken as long as any of its processes lives. Processes of a server that was
        killed may work on for a moment, and no other starts beside them: it is tried again.
        """
        deadline = time.monotonic() + wait_s
        while (reason := self._begin(locks, deadline)) is not None:
            if _NOT_ALONE not in reason or time.monotonic() > deadline:
                raise ServiceError(f"PostgreSQL did not start: {reason[-2000:] or 'no answer'}")
            time.sleep(0.2)

    def _begin(self, locks: tuple[FileLock, ...], deadline: float) -> str | None:
        """One attempt: None once the server answers, else what its log says."""
        self._drop_stale_files()
        command: list[str | Path] = [self.binaries.postgres, "-D", self.data, "-k", self.run_dir]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = spawn(
                command,
                death_signal=signal.SIGINT,  # a fast shutdown; clients are thrown out
                output=output,
                env=_ENV,
                account=self.account,
                keep_fds=[lock.fd for lock in locks],
            )
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                return self.log.read_bytes()[log_start:].decode(errors="replace").strip()
            try:
                self.connect().close()
                return None
            except psycopg.OperationalError:
                time.sleep(0.02)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A superuser's connection in autocommit, for what only the supervisor may do."""
        return connect_as_superuser(self.run_dir, database)

    def ensure_role(self, *, for_tests: bool = False) -> None:
        """The application's role: no superuser. In tests it may also make databases, and may set
        session_replication_role (append-only tables can be emptied no other way).
        """
        with self.connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            if known.fetchone() is None:
                connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEROLE")
            if for_tests:
                connection.execute(f"ALTER ROLE {ROLE} CREATEDB")
                connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}")

    def ensure_database(self, name: str = DATABASE) -> bool:
        """The application's database, owned by its role; whether it was made."""
        with self.connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is not None:
                return False
            connection.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
            return True

    def stop(self, *, grace_s: float = 3) -> None:
        """Fast shutdown (everything acknowledged is on disk either way); then the hard one."""
        if self.process is None:
            return
        ask(self.process, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        # Immediate: no checkpoint, but the server still takes its own processes along.
        stop_all([self.process], signal.SIGQUIT, grace_s=1)
        self.process = None

    def _drop_stale_files(self) -> None:
        """Remove the pid file of a server that is gone: its number may be another process by now.

        Whoever starts us holds the instance's lock, so no living server of ours can own them.
        """
        for path in (self.data / "postmaster.pid", *self.run_dir.glob(".s.PGSQL.*")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
