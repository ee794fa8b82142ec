"""What a person with a browser is told when the database goes away under a page."""

from urllib.parse import urlencode

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from fleets import audit
from fleets.models import AuditEntry, Depot
from voltop.api.exceptions import handler500
from voltop.database import outages
from voltop.tests.cast import Cast
from voltop.tests.pages import inline_scripts
from voltop.tests.test_outages import in_a_thread, lose_the_connection

ADD = "/admin/fleets/depot/add/"
FORM = {
    "name": "Norte",
    "address": "",
    "geofence_radius_m": "150",
    "time_zone": "America/Mexico_City",
    "opening_hours": "",
}


@pytest.fixture
def client(committed_db) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(Cast().owner)
    return made


@pytest.fixture
def loses(monkeypatch):
    """`loses(module, name)`: the connection is lost where this function is first called."""

    def patch(module, name):
        real, calls = getattr(module, name), []

        def losing(*args, **kwargs):
            calls.append(1)
            if len(calls) == 1:
                lose_the_connection()
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, losing)
        return calls

    return patch


@pytest.mark.django_db(transaction=True)
def test_a_commit_without_an_answer_is_a_page_that_says_so(client, loses):
    loses(outages, "commit_is_sent")
    answer = in_a_thread(lambda: client.post(ADD, FORM))
    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "It may have been saved: look before you do it again." in page
    assert f'href="{ADD}"' in page
    assert inline_scripts(answer.content) == []
    assert Depot.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_form_that_lost_the_database_before_is_taken_once(client, loses):
    calls = loses(audit, "record")
    body, kind = urlencode(FORM), "application/x-www-form-urlencoded"
    answer = in_a_thread(lambda: client.post(ADD, body, content_type=kind))
    assert (answer.status_code, len(calls)) == (302, 2)
    assert AuditEntry.objects.filter(action="depot.created").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_page_that_is_only_read_says_nothing_of_saving(client, monkeypatch):
    def away(*args):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("fleets.middleware.standing_of", away)
    answer = client.get("/admin/")
    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "The database cannot be reached right now" in page
    assert "saved" not in page


def test_below_the_api_it_is_a_problem_document():
    try:
        raise OperationalError("the server closed the connection")
    except OperationalError:
        answer = handler500(RequestFactory().get("/api/v1/depots/"))
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert b'"database_unavailable"' in answer.content


def test_what_is_our_own_mistake_stays_one():
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        answers = [handler500(RequestFactory().get(path)) for path in ("/admin/", "/api/v1/")]
    assert [answer.status_code for answer in answers] == [500, 500]
