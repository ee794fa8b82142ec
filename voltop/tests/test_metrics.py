"""Prometheus' page: for whoever knows the token, with lags that are right."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.test import Client

from voltop import clock, metrics, outbox
from voltop.tables import OutboxMessage, TaskState, WorkerBeat

TOKEN = "a-token-of-prometheus"


def fetch(token: str = TOKEN):
    return Client(headers={"authorization": f"Bearer {token}"}).get("/metrics")


def figure(name: str) -> float:
    for line in fetch().content.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise AssertionError(f"{name} is not told")


@pytest.fixture
def known(settings):
    settings.METRICS_TOKEN = TOKEN


def test_without_the_setting_there_is_no_such_page(settings):
    settings.METRICS_TOKEN = ""
    assert fetch("").status_code == fetch(TOKEN).status_code == 404


def test_without_the_token_there_is_no_such_page(known):
    assert fetch("another").status_code == 404
    assert Client().get("/metrics").status_code == 404
    assert Client().post("/metrics").status_code == 405


@pytest.mark.django_db
def test_every_lag_is_told_and_all_is_well_in_an_empty_house(known):
    answer = fetch()
    assert answer.status_code == 200
    for name in metrics.GAUGES:
        assert f"\n# HELP {name} " in answer.content.decode()
    quiet = set(metrics.GAUGES) - {"voltop_beat_silence_seconds"}
    assert {figure(name) for name in quiet} == {0}
    assert figure("voltop_beat_silence_seconds") == 1e9
    assert figure("voltop_database_up") == 1


@pytest.mark.django_db
def test_lags_grow_with_what_waits(known):
    with transaction.atomic():
        outbox.emit(topic="t", provider_id=None, object_key="t:1", payload={})
    OutboxMessage.objects.update(next_at=clock.now() - timedelta(seconds=120))
    WorkerBeat.objects.create(name="w", seen_at=clock.now())
    TaskState.objects.create(key="t.x", task="t.x", resume_at=clock.now())
    TaskState.objects.create(
        key="voltop.recover", task="voltop.recover", finished_at=clock.now(), outcome="done"
    )
    assert 119 < figure("voltop_outbox_lag_seconds") < 180
    assert figure("voltop_workers") == 1
    assert figure("voltop_tasks_stopped") == 1
    assert figure("voltop_beat_silence_seconds") < 60


@pytest.mark.django_db
def test_requests_are_counted(known):
    Client().get("/admin/login/")
    page = fetch().content
    assert b"django_http_requests_before_middlewares_total" in page
    assert b'voltop_responses_total{status="2xx"}' in page


@pytest.mark.django_db
def test_the_page_is_told_while_the_database_is_away(known, monkeypatch):
    def away():
        raise OperationalError("away")

    monkeypatch.setattr(metrics, "measure", away)
    assert figure("voltop_database_up") == 0
