"""Django's PostgreSQL backend whose pooled connections are looked at without asking the server.

A pool must not hand out a connection that died with the server's restart. Asking each one costs
every request a round trip. But a server that ends a connection says so: a socket on which nothing
has arrived is alive, and only one with something to read has to be asked. A peer that vanished
without a word is found by TCP keepalives (`settings`), which make its socket readable too.
"""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Needs CONN_HEALTH_CHECKS off where there is a pool: looking twice is no better."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that lives; dead ones go back to the pool, which makes others for them.

        Raises OperationalError where the pool has none within its time-out.
        """
        connection = super().get_new_connection(conn_params)
        while self.pool and not is_alive(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


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
