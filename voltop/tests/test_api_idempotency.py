"""An Idempotency-Key: done once, answered alike, whatever happens in between."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from fleets.models import Depot, FleetProvider
from voltop.api import idempotency
from voltop.tables import IdempotencyKey
from voltop.tests.api_views import CALLERS, Caller, DepotViewSet
from voltop.tests.conftest import Api
from voltop.tests.parallel import at_once

VALUES = {"country": "MX", "currency": "MXN", "time_zone": "UTC"}
THREADS = 16
KEY = {"Idempotency-Key": "key-1"}


@pytest.fixture
def provider(db):
    return FleetProvider.objects.create(name="A", **VALUES)


@pytest.fixture
def api(caller, provider):
    return caller(provider_id=provider.pk)


def count():
    return Depot.objects.count(), IdempotencyKey.objects.count()


def test_the_same_request_is_done_once_and_answered_alike(api):
    first = api.post("/depots/", {"name": "North"}, **KEY)
    second = api.post("/depots/", {"name": "North"}, **KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first["ETag"] == second["ETag"] == '"1"'
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == "application/json"
    assert second["Cache-Control"] == "no-store"
    assert count() == (1, 1)
    row = IdempotencyKey.objects.get()
    body = b'{"name": "North"}'
    assert bytes(row.request_sha256) == hashlib.sha256(b"POST /api/v1/depots/\n" + body).digest()
    assert (row.actor, row.route, row.status) == ("user:7", "POST /api/v1/depots/", 201)


def test_without_a_key_it_is_done_each_time(api):
    assert api.post("/depots/", {"name": "North"}).status_code == 201
    assert api.post("/depots/", {"name": "South"}).status_code == 201
    assert count() == (2, 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/depots/", {"name": "South"}),
        ("/depots/", {"name": "North "}),
        ("/depots/?", {"name": "North", "geofence_radius_m": 5}),
        ("/depots/fail/", {}),
    ],
)
def test_another_request_with_the_same_key_is_422(api, path, body):
    api.post("/depots/", {"name": "North"}, **KEY)
    answer = api.post(path, body, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert count() == (1, 1)


def test_keys_of_different_callers_and_providers_are_apart(caller, provider):
    other = FleetProvider.objects.create(name="B", **VALUES)
    for name, values in {
        "ana": {"id": 7, "provider_id": provider.pk},
        "bo": {"id": 8, "provider_id": provider.pk},
        "ana at b": {"id": 7, "provider_id": other.pk},
    }.items():
        answer = caller(name, **values).post("/depots/", {"name": name}, **KEY)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer
    assert count() == (3, 3)


def test_a_refused_input_is_stored_and_replayed(api):
    first = api.post("/depots/", {"name": 5}, **KEY)
    second = api.post("/depots/", {"name": 5}, **KEY)
    assert (first.status_code, second.status_code) == (400, 400)
    assert first.content == second.content
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == "application/problem+json"
    assert count() == (0, 1)


def test_a_conflict_is_rolled_back_and_not_stored(api):
    answer = api.post("/depots/", {"name": "full house"}, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "test_depot_full")
    assert count() == (0, 0)
    DepotViewSet.ran.clear()
    assert api.post("/depots/", {"name": "full house"}, **KEY).status_code == 409
    assert DepotViewSet.ran == ["full house"]


def test_a_constraint_broken_at_the_end_is_part_of_the_answer(api, monkeypatch):
    """SET CONSTRAINTS ALL IMMEDIATE: a deferred check fails inside the savepoint, not at commit."""

    def create(self, request):
        Depot.objects.create(provider_id=987_654_321, name="Nowhere", time_zone="UTC")
        return self.respond(Depot.objects.get(name="Nowhere"), status=201)

    monkeypatch.setattr(DepotViewSet, "create", create)
    monkeypatch.setattr(DepotViewSet, "respond", lambda self, obj, status: _answer(status))
    answer = api.post("/depots/", {"name": "Nowhere"}, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert count() == (0, 0)


def _answer(status):
    from rest_framework.response import Response

    return Response({}, status=status)


def test_a_crash_is_rolled_back_and_not_stored(api):
    answer = api.post("/depots/fail/", {}, **KEY)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert count() == (0, 0)


@pytest.mark.parametrize("body", [b"{", b"", b'{"name":1,"name":2}'])
def test_a_body_that_cannot_be_read_is_stored_like_any_400(api, body):
    first = api.post("/depots/", body, **KEY)
    assert first.status_code == 400
    assert api.post("/depots/", body, **KEY).content == first.content


def test_a_body_too_large_is_413_before_anything_is_stored(api):
    assert api.post("/depots/", b" " * 1_000_001, **KEY).status_code == 413
    assert count() == (0, 0)


def test_a_denied_caller_leaves_no_key(caller, provider, stranger):
    viewer = caller(provider_id=provider.pk, permissions=("fleets.view_depot",))
    assert viewer.post("/depots/", {"name": "North"}, **KEY).status_code == 403
    assert stranger.post("/depots/", {"name": "North"}, **KEY).status_code == 401
    assert count() == (0, 0)


def test_a_route_may_require_a_key(api):
    answer = api.post("/depots/fail/", {})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert DepotViewSet.ran == []


def test_a_route_that_answers_with_secrets_takes_no_key(api):
    depot = Depot.objects.create(provider_id=CALLERS["ana"].provider_id, name="N", time_zone="UTC")
    answer = api.post(f"/depots/{depot.pk}/retire/", **KEY)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_refused")
    assert api.post(f"/depots/{depot.pk}/retire/").status_code == 200


@pytest.mark.parametrize("key", ["", "a" * 256, "tab\tin it", "é", "\x7f"])
def test_a_malformed_key_is_refused(api, key):
    answer = api.post("/depots/", {"name": "North"}, **{"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert count() == (0, 0)


@pytest.mark.parametrize("key", ["a", "~" * 255, "with spaces, and 'quotes'"])
def test_any_printable_key_will_do(api, key):
    headers = {"Idempotency-Key": key}
    first = api.post("/depots/", {"name": "North"}, **headers)
    assert first.status_code == 201
    assert api.post("/depots/", {"name": "North"}, **headers).content == first.content


def test_keys_are_forgotten_after_their_time(api):
    for key in ("old", "young"):
        api.post("/depots/", {"name": key}, **{"Idempotency-Key": key})
    IdempotencyKey.objects.filter(key="old").update(created_at=Now() - timedelta(days=31))
    assert idempotency.forget_old_keys() == 1
    assert idempotency.forget_old_keys() == 0
    assert IdempotencyKey.objects.get().key == "young"


class TestInParallel:
    """With transactions that really commit, each call in a thread of its own."""

    @pytest.fixture
    def api(self, committed_db, test_urls):
        provider = FleetProvider.objects.create(name="A", **VALUES)
        CALLERS["ana"] = Caller(provider_id=provider.pk)
        return Api("ana")

    def test_many_at_once_do_it_once(self, api):
        def call():
            return Api("ana").post("/depots/", {"name": "slow"}, **KEY)

        answers = at_once([call] * THREADS)
        assert [a.status_code for a in answers] == [201] * THREADS
        assert len({a.content for a in answers}) == 1
        assert sum("Idempotent-Replayed" in a for a in answers) == THREADS - 1
        assert DepotViewSet.ran == ["slow"]
        assert count() == (1, 1)

    @pytest.mark.slow
    def test_sixty_four_at_once_over_eight_keys_do_eight(self, api):
        def call(n):
            key = {"Idempotency-Key": f"key-{n}"}
            return lambda: Api("ana").post("/depots/", {"name": f"slow {n}"}, **key)

        answers = at_once([call(n % 8) for n in range(64)])
        assert {a.status_code for a in answers} == {201}
        assert len({a.content for a in answers}) == 8
        assert count() == (8, 8)

    def test_many_that_all_fail_leave_nothing(self, api):
        def call():
            return Api("ana").post("/depots/", {"name": "full"}, **KEY)

        answers = at_once([call] * THREADS)
        assert {a.json()["code"] for a in answers} == {"test_depot_full"}
        assert count() == (0, 0)

    def test_a_twin_that_still_runs_after_the_wait_is_409(self, api):
        holding, release = threading.Event(), threading.Event()
        provider_id = CALLERS["ana"].provider_id

        def hold():
            try:
                with transaction.atomic():
                    IdempotencyKey.objects.create(
                        provider_id=provider_id,
                        actor="user:7",
                        key="key-1",
                        route="POST /api/v1/depots/",
                        request_sha256=b"",
                    )
                    holding.set()
                    release.wait(20)
                    transaction.set_rollback(True)
            finally:
                holding.set()
                connection.close()

        thread = threading.Thread(target=hold)
        thread.start()
        assert holding.wait(10)
        answer = api.post("/depots/", {"name": "North"}, **KEY)
        release.set()
        thread.join(10)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
        assert answer["Retry-After"] == "2"
        assert count() == (0, 0)
        assert api.post("/depots/", {"name": "North"}, **KEY).status_code == 201

    def test_a_transaction_given_up_by_the_database_is_run_again(self, api, monkeypatch):
        tries = []
        original = DepotViewSet.create

        def create(self, request):
            answer = original(self, request)
            tries.append(1)
            if len(tries) < 3:
                with connection.cursor() as cursor:
                    cursor.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
            return answer

        monkeypatch.setattr(DepotViewSet, "create", create)
        assert api.post("/depots/", {"name": "North"}, **KEY).status_code == 201
        assert (len(tries), *count()) == (3, 1, 1)
        tries.clear()
        monkeypatch.setattr(idempotency, "ATTEMPTS", 1)
        answer = api.post("/depots/", {"name": "South"}, **{"Idempotency-Key": "key-2"})
        assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
        assert count() == (1, 1)

    @pytest.mark.slow
    def test_an_answer_lost_with_the_process_is_given_again(self, api):
        """Killed after the commit and before the answer: the effect stands, the answer comes."""
        provider_id = CALLERS["ana"].provider_id
        killed = send_from_another_process(provider_id, fail_at="idempotency.committed")
        assert killed == -signal.SIGKILL
        assert count() == (1, 1)
        answer = api.post("/depots/", {"name": "North"}, **KEY)
        assert (answer.status_code, answer["Idempotent-Replayed"]) == (201, "true")
        assert answer.json()["id"] == Depot.objects.get().pk
        assert count() == (1, 1)

    @pytest.mark.slow
    def test_a_process_killed_before_the_commit_leaves_nothing(self, api):
        provider_id = CALLERS["ana"].provider_id
        assert send_from_another_process(provider_id, fail_at="idempotency.stored") < 0
        assert count() == (0, 0)
        answer = api.post("/depots/", {"name": "North"}, **KEY)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer


SENDER = """
import sys
import django
django.setup()
from django.test.utils import override_settings
from voltop.tests.api_views import CALLERS, Caller
from voltop.tests.conftest import Api
CALLERS["ana"] = Caller(provider_id=int(sys.argv[1]))
with override_settings(ROOT_URLCONF="voltop.tests.api_views", ALLOWED_HOSTS=["testserver"]):
    answer = Api("ana").post("/depots/", {"name": "North"}, **{"Idempotency-Key": "key-1"})
sys.exit(answer.status_code != 201)
"""


def send_from_another_process(provider_id, *, fail_at):
    """Sends the request from a process of its own that dies at a fail point; its exit code."""
    values = connection.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "voltop.settings.test",
        "DATABASE_URL": f"postgres://{values['USER']}@/{values['HOST']}/{values['NAME']}",
        "VOLTOP_SECRET_KEY": "of the other process",
        "VOLTOP_FAIL_AT": fail_at,
    }
    command = [sys.executable, "-c", SENDER, str(provider_id)]
    return subprocess.run(command, env=environment, timeout=60, check=False).returncode
