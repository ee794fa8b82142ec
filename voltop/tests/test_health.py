"""What load balancers are told, with everything up and with each part gone."""

import pytest
from django.db import OperationalError, connection
from django.test import Client

from voltop import health
from voltop.embedded import paths
from voltop.embedded.postgres import connect_as_superuser
from voltop.tests.embedded_instance import needs_embedded_services


@pytest.fixture
def client():
    return Client()


@pytest.fixture(autouse=True)
def _forget_that_migrations_were_seen():
    health._all_applied.cache_clear()
    yield
    health._all_applied.cache_clear()


def test_livez_asks_nobody(client):
    """No database mark: any query would fail this test."""
    answer = client.get("/livez")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_readyz_says_that_all_is_well(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert set(told.pop("lags")) == set(health.SHOWN_WHEN_READY)
    assert told == {"status": "ok", "database": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_a_lag_that_cannot_be_told_takes_nothing_out_of_service(client, monkeypatch):
    def late(names):
        raise OperationalError("too slow")

    monkeypatch.setattr(health, "measure", late)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["lags"]) == (200, {})


@pytest.mark.django_db
def test_readyz_does_not_need_redis(client, settings):
    settings.CACHES = {"default": {"LOCATION": "unix:///nowhere/valkey.sock?db=1"}}
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["redis"] == "unreachable"


@pytest.mark.django_db
def test_readyz_waits_for_missing_migrations(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'voltop'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "migrations are missing"


@needs_embedded_services
@pytest.mark.django_db
def test_readyz_fails_while_the_database_is_gone(client, monkeypatch):
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        victim = cursor.fetchone()[0]
    with connect_as_superuser(paths.layout().run_dir) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [victim])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_takes_no_writes(client, path):
    assert client.post(path).status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_answers_without_tls_and_by_address(settings, path):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["fleet.example"]
    client = Client(headers={"host": "10.1.2.3:8000"})
    assert client.get(path).status_code == 200
    assert client.get("/admin/login/").status_code == 400
