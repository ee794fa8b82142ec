"""The batch API over HTTP: credentials, bodies, answers."""

import gzip
import json
from datetime import timedelta

import pytest

from telemetry import services
from telemetry.models import IngestBatch
from telemetry.tests.world import at, sample, stored
from voltop import clock

URL = "/api/v1/telemetry/samples"


@pytest.fixture
def token(fleet):
    return services.rotate_token(fleet.source, actor=fleet.cast.actor())[1]


@pytest.fixture
def post(api, token):
    def send(body, bearer=token, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        client = api(Authorization=f"Bearer {bearer}") if bearer else api()
        return client.generic("POST", URL, raw, content_type="application/json", **headers)

    return send


def test_a_batch_is_answered_sample_by_sample(fleet, post):
    body = {
        "samples": [
            sample(fleet.car, at(8), soc_pct=50),
            sample(fleet.car, at(8), soc_pct=50),
            sample(fleet.car, at(8, 1), soc_pct=101, ref="row 3"),
            sample(fleet.car, at(8, 2), colour="red"),
        ],
        "vendor": "x",
    }
    answer = post(body)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "accepted": 2,
        "duplicates": 1,
        "quarantined": 0,
        "rejected": [
            {
                "index": 2,
                "ref": "row 3",
                "code": "out_of_range",
                "field": "soc_pct",
                "message": "This number is out of range.",
            }
        ],
        "warnings": [{"code": "unknown_field", "fields_ignored": ["colour", "vendor"]}],
    }
    assert len(stored()) == 2


def test_gzip_is_taken(fleet, post):
    body = gzip.compress(json.dumps({"samples": [sample(fleet.car, at(8))]}).encode())
    answer = post(body, HTTP_CONTENT_ENCODING="gzip")
    assert answer.json()["accepted"] == 1


def test_a_gzip_bomb_is_refused(post):
    bomb = gzip.compress(b"[" + b" " * 20_000_001)
    assert post(bomb, HTTP_CONTENT_ENCODING="gzip").status_code == 413


def test_a_body_over_the_bound_is_refused(post):
    assert post(b" " * 5_000_001).status_code == 413


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "body_required"),
        (b"[]", 400, "object_expected"),
        (b"{}", 400, "required"),
        (b'{"samples": {}}', 400, "list_expected"),
        (b'{"samples": [', 400, "malformed_json"),
        (b'{"samples": []} x', 400, "malformed_json"),
        (b'\xef\xbb\xbf{"samples": []}', 400, "malformed_json"),
        (b'{"samples": ["\xff"]}', 400, "invalid_utf8"),
        (b"[" * 20_000, 400, "nesting_too_deep"),
        (b'{"samples": [' + b"9" * 5000 + b"]}", 400, "number_too_long"),
    ],
)
def test_what_is_no_batch_is_refused_whole(post, body, status, code):
    answer = post(body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 30, '"\\ud800"', "[[[[]]]]"]
)
def test_a_poisoned_sample_costs_only_itself(fleet, post, value):
    good = json.dumps(sample(fleet.car, at(8)))
    bad = json.dumps(sample(fleet.car, at(9)))[:-1] + f', "soc_pct": {value}}}'
    answer = post(f'{{"samples": [{good}, {bad}]}}'.encode())
    assert answer.status_code == 200
    assert [r["index"] for r in answer.json()["rejected"]] == [1]
    assert answer.json()["accepted"] == 1


def test_of_a_key_that_stands_twice_the_last_counts(fleet, post):
    item = json.dumps(sample(fleet.car, at(8), soc_pct=1))[:-1] + ', "soc_pct": 2}'
    assert post(f'{{"samples": [{item}]}}'.encode()).json()["accepted"] == 1
    assert stored("soc_pct_x100") == [(200,)]


def test_too_many_samples_are_refused(fleet, post):
    answer = post({"samples": [sample(fleet.car, at(8))] * 5001})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_samples")


def test_an_empty_batch_is_fine(post):
    assert post({"samples": []}).json()["accepted"] == 0


def test_another_content_type_is_refused(api, token):
    client = api(Authorization=f"Bearer {token}")
    assert client.generic("POST", URL, b"{}", content_type="text/csv").status_code == 415


@pytest.mark.parametrize("bearer", [None, "vtt_unknown", "vtt_" + "x" * 500, "nonsense"])
def test_without_a_sources_token_it_is_401(post, bearer):
    assert post({"samples": []}, bearer=bearer).status_code == 401


def test_people_do_not_send_samples(api, cast):
    for user in (cast.owner, cast.superuser):
        headers = {"X-Voltop-Provider": str(cast.a.pk)}
        answer = api(user, **headers).post(URL, {"samples": []}, format="json")
        assert answer.status_code == 403


def test_a_source_does_nothing_else(api, token):
    client = api(Authorization=f"Bearer {token}")
    assert client.get("/api/v1/drivers/").status_code == 401


def test_a_source_does_not_speak_for_another_company(fleet, post):
    answer = post({"samples": []}, HTTP_X_VOLTOP_PROVIDER=str(fleet.cast.b.pk))
    assert answer.status_code == 404


def test_the_token_before_works_for_a_day_after_rotation(fleet, post, token, monkeypatch):
    new = services.rotate_token(fleet.source, actor=fleet.cast.actor())[1]
    assert post({"samples": []}, bearer=new).status_code == 200
    assert post({"samples": []}, bearer=token).status_code == 200
    later = clock.now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert post({"samples": []}, bearer=token).status_code == 401


def test_a_leaked_token_ends_at_once(fleet, post, token):
    services.rotate_token(fleet.source, actor=fleet.cast.actor(), grace=timedelta(0))
    assert post({"samples": []}).status_code == 401


def test_a_disabled_source_is_told_so(fleet, post):
    services.disable_source(fleet.source, actor=fleet.cast.actor(), reason="lost")
    answer = post({"samples": []})
    assert (answer.status_code, answer.json()["code"]) == (403, "source_disabled")


def test_no_token_stands_in_the_database(fleet, token):
    source = fleet.source
    source.refresh_from_db()
    shown = f"{source.token_hash} {source.previous_token_hash}"
    assert token not in shown
    assert token.removeprefix("vtt_") not in shown


def test_a_batch_of_five_hundred_needs_few_queries(fleet, post, django_assert_max_num_queries):
    body = {"samples": [sample(fleet.car, at(8, 0, n)) for n in range(500)]}
    post({"samples": body["samples"][:1]})
    with django_assert_max_num_queries(8):
        assert post({"samples": body["samples"][1:]}).json()["accepted"] == 499
    assert IngestBatch.objects.count() == 2
