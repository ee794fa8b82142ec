"""Pooled connections: dead ones are replaced before anybody sees them, live ones are not asked."""

from contextlib import closing

import psycopg
import pytest
from django.db import connection

from voltop.database.base import DatabaseWrapper, is_alive

pytestmark = pytest.mark.django_db


@pytest.fixture
def pooled(request):
    size = getattr(request, "param", 2)
    options = {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 1, "max_size": size}}
    settings = {**connection.settings_dict, "OPTIONS": options, "CONN_HEALTH_CHECKS": False}
    wrapper = DatabaseWrapper(settings, alias="pooled")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def pid_of(wrapper):
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def end_backend(pid):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("pooled", [1], indirect=True)
def test_a_connection_that_the_server_ended_is_replaced(pooled):
    first = pid_of(pooled)
    pooled.close()
    assert pid_of(pooled) == first, "the pool keeps its connection"
    pooled.close()
    end_backend(first)
    assert pid_of(pooled) != first


def test_a_pool_of_nothing_but_dead_connections_recovers(pooled):
    other = DatabaseWrapper(pooled.settings_dict, alias="pooled")
    pids = {pid_of(pooled), pid_of(other)}
    assert len(pids) == 2
    pooled.close()
    other.close()
    for pid in pids:
        end_backend(pid)
    assert pid_of(pooled) not in pids
    assert pid_of(other) not in pids
    other.close()


def test_a_silent_connection_is_taken_at_its_word(monkeypatch):
    with closing(psycopg.connect(**connection.get_connection_params())) as raw:
        monkeypatch.setattr(psycopg.Connection, "execute", None)
        assert is_alive(raw)


def test_a_connection_with_something_to_say_is_asked():
    params = connection.get_connection_params()
    with closing(psycopg.connect(**params, autocommit=True)) as raw:
        raw.execute("LISTEN bell")
        with closing(psycopg.connect(**params, autocommit=True)) as other:
            other.execute("NOTIFY bell")
        assert is_alive(raw), "news is no death"
        end_backend(raw.info.backend_pid)
        assert not is_alive(raw)
