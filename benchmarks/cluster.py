"""An embedded PostgreSQL for one run, durable like a real one, with a database a program.

Every program writes to a copy of the product's own migrated database: the same tables, keys,
checks and triggers.
"""

import os
import shutil
from pathlib import Path

import psycopg

from benchmarks import machine
from voltop.embedded import paths
from voltop.embedded.paths import CHECKOUT, DATABASE, ROLE
from voltop.embedded.services import Claim, Services

HOME = CHECKOUT / "build" / "bench-instance"
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "max_connections": "200",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}


class Cluster:
    """Started by `start`, gone without a trace after `stop`."""

    def __init__(self) -> None:
        remove(HOME)
        self.services = Services(Claim(HOME), postgres_settings=SETTINGS)
        os.environ["VOLTOP_HOME"] = str(HOME)
        os.environ["VOLTOP_RATE_FACTOR"] = "1000"  # calls are counted, and none is refused
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)

    def start(self) -> None:
        postgres = self.services.postgres
        postgres.initialise()
        self.services.start()
        postgres.ensure_role()
        postgres.ensure_database()

    def stop(self) -> None:
        self.services.stop()
        self.services.claim.close()
        remove(HOME)

    def copy_database(self, name: str) -> None:
        """A copy of the product's database; nobody may be connected to that one now."""
        with self.superuser("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} OWNER {ROLE}")

    def superuser(self, database: str) -> psycopg.Connection:
        return self.services.postgres.connect(database)

    def dsn(self, database: str) -> str:
        """For libpq, as the application's role."""
        return f"host={self.services.layout.run_dir} user={ROLE} dbname={database}"

    def cpu(self) -> float:
        """CPU seconds that all of PostgreSQL's processes have used."""
        process = self.services.postgres.process
        assert process is not None
        return machine.cpu_of_children(process.pid)

    def version(self) -> str:
        with self.superuser("postgres") as connection:
            row = connection.execute("SHOW server_version").fetchone()
        assert row is not None
        return str(row[0])


def migrate() -> None:
    """Set Django up in this process, on the cluster that was started, and migrate."""
    os.environ["VOLTOP_DB_POOL_MAX"] = "0"
    try:
        import django

        django.setup()
    finally:
        del os.environ["VOLTOP_DB_POOL_MAX"]
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def remove(home: Path) -> None:
    """Remove an instance's folders, also where they had to be put elsewhere."""
    found = paths.layout(home)
    for folder in (found.run_dir, found.service_home, found.home):
        shutil.rmtree(folder, ignore_errors=True)
