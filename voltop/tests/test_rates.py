"""How many calls somebody may make: exact in parallel, told in headers, free without Redis."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from voltop.api import rates
from voltop.api.rates import Rate

ME = "/api/v1/auth/me"


@pytest.fixture
def names(monkeypatch, settings):
    """Ten calls at once for accounts, five for each device, three for an address; all slow back."""
    settings.RATE_FACTOR = 1
    few = {
        "account": Rate(1, 10), "device": Rate(1, 5), "client": Rate(1, 4),
        "source": Rate(1, 4), "address": Rate(1, 3),
    }  # fmt: skip
    monkeypatch.setattr(rates, "RATES", few)
    yield few
    client = redis.Redis.from_url(settings.CACHES["default"]["LOCATION"])
    for key in client.scan_iter("voltop:rate:*"):
        client.delete(key)


def test_of_64_calls_at_once_exactly_the_burst_goes_through(names):
    with ThreadPoolExecutor(64) as pool:
        taken = list(pool.map(lambda _n: rates.take([("account", "one")]), range(64)))
    assert sum(not one.wait_s for one in taken) == 10
    assert {one.wait_s for one in taken if one.wait_s} <= {59, 60}
    assert not rates.take([("account", "another")]).wait_s


def test_calls_are_given_back_evenly(names, monkeypatch):
    monkeypatch.setitem(names, "account", Rate(600, 2))  # one in 100 ms
    taken = [rates.take([("account", "quick")]).wait_s for _ in range(3)]
    assert taken == [0, 0, 1]
    time.sleep(0.11)
    assert rates.take([("account", "quick")]).wait_s == 0


def test_a_call_counts_under_each_name_and_a_refused_one_under_none(names):
    phone, tablet = [("account", 7), ("device", "p")], [("account", 7), ("device", "t")]
    assert [bool(rates.take(phone).wait_s) for _ in range(7)] == [False] * 5 + [True] * 2
    assert [bool(rates.take(tablet).wait_s) for _ in range(6)] == [False] * 5 + [True]


def test_headers_tell_what_is_left(names):
    first = rates.take([("account", 8), ("device", "d")])
    assert first.headers["RateLimit-Policy"] == '"account";q=10;w=600, "device";q=5;w=300'
    assert first.headers["RateLimit"] == '"account";r=9;t=60, "device";r=4;t=60'
    for _ in range(4):
        last = rates.take([("account", 8), ("device", "d")])
    assert re.fullmatch(
        r'"account";r=5;t=(299|300), "device";r=0;t=(299|300)', last.headers["RateLimit"]
    )


@pytest.mark.django_db
def test_a_person_is_told_to_wait_and_others_are_not(names, cast, api):
    owner, other = api(cast.owner), api(cast.dispatcher)
    answers = [owner.get(ME) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    refused = answers[-1]
    assert refused.json()["code"] == "throttled"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"account";r=5;')
    assert other.get(ME).status_code == 200


@pytest.mark.django_db
def test_whoever_shows_no_credentials_that_hold_counts_as_an_address(names, client):
    wrong = {"HTTP_AUTHORIZATION": "Bearer nothing"}
    calls = [client.get(ME, **wrong) for _ in range(2)] + [client.get(ME) for _ in range(2)]
    assert [answer.status_code for answer in calls] == [401, 401, 401, 429]
    assert client.get(ME, REMOTE_ADDR="198.51.100.9").status_code == 401


@pytest.mark.django_db
def test_without_redis_nobody_is_refused_and_nobody_waits(names, cast, api, monkeypatch, caplog):
    nowhere = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.25, retry=None)
    monkeypatch.setattr(rates, "_script", lambda: nowhere.register_script(rates.SCRIPT))
    monkeypatch.setattr(rates, "_away_until", 0.0)
    owner = api(cast.owner)
    answers = [owner.get(ME) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer.headers for answer in answers)
    assert sum("Redis is away" in record.message for record in caplog.records) == 1


def test_a_deployment_may_allow_more_or_switch_it_off(names, settings):
    settings.RATE_FACTOR = 0.5
    assert [bool(rates.take([("account", 9)]).wait_s) for _ in range(6)] == [False] * 5 + [True]
    settings.RATE_FACTOR = 0
    assert rates.take([("account", 9)]) == rates.FREE
