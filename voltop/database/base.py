"""Django's PostgreSQL backend whose pooled connections are looked at without asking the server.

A pool must not hand out a connection that died with the server's restart. Asking each one costs
every request a round trip. But a server that ends a connection says so: a socket on which nothing
has arrived is alive, and only one with something to read has to be asked. A peer that vanished
without a word is found by TCP keepalives (`settings`), which make its socket readable too.

Where the server is away, requests and tasks wait for it: `voltop.database.outages`.
"""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from voltop.database import outages

RECONNECT_S = 0.5
"""A pool asks a server that is away twice in this time; left to itself, ever more seldom."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Needs CONN_HEALTH_CHECKS off where there is a pool: looking twice is no better."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(outages.noting)
        options = self.settings_dict["OPTIONS"].get("pool")
        if options:
            options |= {"reconnect_timeout": RECONNECT_S, "reconnect_failed": ask_again}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that lives, as soon as there is one.

        Raises OperationalError where the server, or the pool within its time-out, has none; of a
        request or task only when it has waited for long enough.
        """
        work = outages.current()
        while True:
            try:
                connection = self._living(conn_params)
            except psycopg.OperationalError:
                if work is None or not work.wait():
                    raise
            else:
                if work is not None:
                    work.connected()
                return connection

    def _living(self, conn_params: dict[str, Any]) -> Any:
        """Dead connections go back to the pool, which makes others for them."""
        connection = super().get_new_connection(conn_params)
        while self.pool and not is_alive(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection

    def _commit(self) -> Any:
        outages.commit_is_sent()
        return super()._commit()  # type: ignore[misc]  # Django's, but in no stub


def ask_again(pool: ConnectionPool) -> None:
    """A pool that gave up asking begins again: somebody may be waiting for a connection."""
    pool.check()


def is_alive(connection: psycopg.Connection) -> bool:
    """Whether the server still serves this idle connection, as far as anybody has been told."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        connection.execute("")
    except psycopg.OperationalError:
        return False
    return True
