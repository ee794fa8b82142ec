"""What a lost connection costs: nothing where nothing had taken effect, else an honest 503.

Each case runs in a thread, since a connection inside a test's own transaction is not like a
request's. The backend is really ended by the server.
"""

import os
import threading
import time
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory

from voltop.api.exceptions import as_domain_error, problem_response
from voltop.celery import app
from voltop.database import outages
from voltop.database.base import DatabaseWrapper
from voltop.database.middleware import OutageMiddleware
from voltop.tables import TaskState
from voltop.tests.parallel import at_once

pytestmark = pytest.mark.django_db

MULTIPART = "multipart/form-data; boundary=x"
FORM = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'


def ask(sql="SELECT 1", params=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone() if cursor.description else None


def lose_the_connection():
    """The server ends this thread's session, as it does when it is stopped."""
    (pid,) = ask("SELECT pg_backend_pid()")
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert cursor.fetchone() == (True,)
    other.close()


def in_a_thread(action):
    (result,) = at_once([action])
    if isinstance(result, Exception):
        raise result
    return result


def answer(view, request=None):
    """The view's answer through the middleware, and how often it was run."""
    runs = []

    def inner(request):
        runs.append(request)
        try:
            return view(request, len(runs)) or HttpResponse("done")
        except DatabaseError as error:
            return problem_response(as_domain_error(error))

    request = request or RequestFactory().get("/api/v1/depots")
    answered = in_a_thread(lambda: OutageMiddleware(inner)(request))
    return answered, len(runs)


def losing(first=lambda: None, then=ask):
    """A view that loses its connection after `first` when it is run for the first time."""

    def view(request, run):
        first()
        if run == 1:
            lose_the_connection()
        then()

    return view


def test_what_has_only_read_is_done_again():
    answered, runs = answer(losing(ask))
    assert (answered.status_code, runs) == (200, 2)


def test_what_has_not_committed_is_done_again():
    def view(request, run):
        with transaction.atomic():
            ask("CREATE TEMPORARY TABLE outage_rows ON COMMIT DROP AS SELECT 1")
            losing()(request, run)

    answered, runs = answer(view)
    assert (answered.status_code, runs) == (200, 2)


def test_what_was_caught_at_a_savepoint_is_done_again():
    def view(request, run):
        with transaction.atomic():
            try:
                with transaction.atomic():
                    losing()(request, run)
            except OperationalError as error:
                raise DatabaseError("of the savepoint") from error

    answered, runs = answer(view)
    assert (answered.status_code, runs) == (200, 2)


def test_a_commit_without_an_answer_is_the_callers_to_repeat():
    def view(request, run):
        with transaction.atomic():
            ask()
            lose_the_connection()

    answered, runs = answer(view)
    assert (answered.status_code, answered["Retry-After"], runs) == (503, "5", 1)


def committed():
    with transaction.atomic():
        ask()


@pytest.mark.parametrize("first", [committed, lambda: ask("SET application_name = 'outage'")])
def test_what_may_have_taken_effect_is_not_done_again(first):
    answered, runs = answer(losing(first))
    assert (answered.status_code, runs) == (503, 1)


def test_a_server_that_keeps_going_away_is_told_of():
    def view(request, run):
        lose_the_connection()
        ask()

    answered, runs = answer(view)
    assert (answered.status_code, runs) == (503, outages.RUNS)


def test_the_request_is_as_it_came():
    seen = []

    def view(request, run):
        seen.append((request.body, hasattr(request, "hung_on"), request.META.get("HUNG_ON")))
        request.hung_on = request.META["HUNG_ON"] = True
        losing()(request, run)

    request = RequestFactory().post("/api/v1/depots", b'{"a": 1}', content_type="application/json")
    answered, _runs = answer(view, request)
    assert answered.status_code == 200
    assert seen == [(b'{"a": 1}', False, None)] * 2


def test_a_body_that_was_not_kept_cannot_be_read_again():
    def view(request, run):
        assert request.POST["a"] == "1"
        losing()(request, run)

    request = RequestFactory().generic("POST", "/admin/", FORM, content_type=MULTIPART)
    answered, runs = answer(view, request)
    assert (answered.status_code, runs) == (503, 1)


def test_an_error_with_the_connection_whole_is_no_outage():
    def view(request, run):
        with transaction.atomic():
            ask("SET LOCAL statement_timeout = 20")
            ask("SELECT pg_sleep(1)")

    answered, runs = answer(view)
    assert (answered.status_code, runs) == (503, 1)


# --- Waiting ------------------------------------------------------------------------------------
@pytest.fixture
def away(request, tmp_path):
    """A wrapper whose server is away; `away.comes_back()` brings it."""
    host = connection.settings_dict["HOST"]
    if not host.startswith("/"):
        pytest.skip("needs a server on a socket")
    pool = {"pool": {"min_size": 1, "max_size": 2, "timeout": 0.1}} if request.param else {}
    options = {**connection.settings_dict["OPTIONS"], **pool}
    run = Path("/tmp") / f"voltop-away-{os.getpid()}-{threading.get_ident()}"
    wrapper = DatabaseWrapper(
        {**connection.settings_dict, "HOST": str(run), "OPTIONS": options}, alias="away"
    )
    wrapper.comes_back = lambda: run.symlink_to(host)
    yield wrapper
    wrapper.close()
    wrapper.close_pool()
    run.unlink(missing_ok=True)


def timed(wrapper):
    begun = time.monotonic()
    try:
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        return "away", time.monotonic() - begun
    return "there", time.monotonic() - begun


@pytest.mark.parametrize("away", [False, True], ids=["single", "pool"], indirect=True)
def test_a_server_that_comes_back_is_waited_for(away, settings):
    settings.DB_WAIT_S = 20
    back = threading.Timer(0.3, away.comes_back)
    back.start()
    with outages.a_work():
        found, waited_s = timed(away)
    back.join()
    assert found == "there"
    assert waited_s >= 0.3


@pytest.mark.parametrize("away", [False, True], ids=["single", "pool"], indirect=True)
def test_waiting_ends_and_only_work_waits(away, settings):
    settings.DB_WAIT_S = 0.5
    with outages.a_work():
        found, waited_s = timed(away)
        assert (found, waited_s >= 0.5) == ("away", True)
        assert timed(away)[0] == "away", "nor is it waited for a second time"
    settings.DB_WAIT_S = 600
    assert timed(away)[0] == "away", "what is no work is told at once"


# --- Tasks --------------------------------------------------------------------------------------
def test_a_task_that_lost_the_database_is_done_again(committed_db):
    runs = []

    @app.task(name="voltop.tests.loses_the_database")
    def task():
        runs.append(1)
        committed()
        if len(runs) == 1:
            lose_the_connection()
        ask()

    try:
        in_a_thread(lambda: task.apply(throw=True))
    finally:
        app.tasks.unregister(task.name)
    state = TaskState.objects.get(task="voltop.tests.loses_the_database")
    assert (len(runs), state.outcome, state.runs) == (2, TaskState.Outcome.DONE, 1)
