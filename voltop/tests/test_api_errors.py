"""Everything raised becomes one document; nothing tells what it should not."""

import logging

import pytest
from django.core import exceptions as django_errors
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import ProtectedError
from django.http.request import RequestDataTooBig, UnreadablePostError
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as drf_errors

from fleets.models import Depot, FleetProvider
from voltop.api import errors
from voltop.api.database_errors import translate_database_error
from voltop.api.exceptions import VALIDATION_CODES, as_domain_error, exception_handler
from voltop.errors import DomainError, all_error_classes

SHAPE = {"type", "title", "status", "code", "detail", "errors", "extra", "request_id"}


def raised_by(sql, params=()):
    """The exception that a statement raises, as Django hands it on."""
    with (
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, params)
    return caught.value


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "code", "status", "retry_after"),
    [
        ("DO $$ BEGIN RAISE SQLSTATE '23505'; END $$", "conflict", 409, None),
        ("DO $$ BEGIN RAISE SQLSTATE '23P01'; END $$", "conflict", 409, None),
        ("DO $$ BEGIN RAISE SQLSTATE '23514'; END $$", "check_failed", 400, None),
        ("DO $$ BEGIN RAISE SQLSTATE '23503'; END $$", "in_use", 409, None),
        ("DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$", "lock_busy", 503, "2"),
        ("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", "try_again", 503, "1"),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", "try_again", 503, "1"),
        ("DO $$ BEGIN RAISE SQLSTATE '57014'; END $$", "timed_out", 503, "5"),
        ("DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$", "database_unavailable", 503, "5"),
        ("DO $$ BEGIN RAISE SQLSTATE '08006'; END $$", "database_unavailable", 503, "5"),
        ("DO $$ BEGIN RAISE SQLSTATE '53300'; END $$", "database_unavailable", 503, "5"),
        ("SELECT 3000000000::bigint::int", "out_of_range", 400, None),
        ("SELECT 'x'::int", "invalid", 400, None),
        ("SELECT '99999-01-01'::date + 2147483647", "datetime_out_of_range", 400, None),
        ('SELECT \'{"a":"\\u0000"}\'::jsonb', "null_characters_not_allowed", 400, None),
        ("SELECT nonsense", "internal_error", 500, None),
        ("DO $$ BEGIN RAISE SQLSTATE '23502'; END $$", "internal_error", 500, None),
    ],
)
def test_what_the_database_says(sql, code, status, retry_after):
    response = exception_handler(raised_by(sql), {})
    assert set(response.data) == SHAPE
    assert (response.data["code"], response.status_code) == (code, status)
    assert response.headers.get("Retry-After") == retry_after


@pytest.mark.django_db
def test_a_real_unique_constraint_is_a_409():
    values = {"country": "MX", "currency": "MXN", "time_zone": "UTC"}
    provider = FleetProvider.objects.create(name="A", **values)
    Depot.objects.create(provider=provider, name="North", time_zone="UTC")
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        Depot.objects.create(provider=provider, name="North", time_zone="UTC")
    assert translate_database_error(caught.value).status == 409


@pytest.mark.django_db
def test_an_append_only_table_says_so():
    sql = (
        "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'check_violation',"
        " CONSTRAINT = 'append_only'; END $$"
    )
    assert translate_database_error(raised_by(sql)).code == "append_only"


@pytest.mark.django_db
def test_a_constraint_named_by_an_error_raises_that_error():
    class SlotTaken(DomainError):
        code = "test_slot_taken"
        constraints = ("test_no_overlap",)

    from voltop.api import database_errors

    database_errors.errors_by_constraint.cache_clear()
    sql = (
        "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'exclusion_violation',"
        " CONSTRAINT = 'test_no_overlap'; END $$"
    )
    try:
        assert translate_database_error(raised_by(sql)).code == "test_slot_taken"
    finally:
        SlotTaken.constraints = ()
        database_errors.errors_by_constraint.cache_clear()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("server closed the connection unexpectedly"), "database_unavailable"),
        (InterfaceError("connection already closed"), "database_unavailable"),
        (PoolTimeout("no connection within 5 s"), "database_unavailable"),
        (django_errors.PermissionDenied(), "permission_denied"),
        (django_errors.ObjectDoesNotExist(), "not_found"),
        (django_errors.SuspiciousOperation(), "bad_request"),
        (django_errors.BadRequest(), "bad_request"),
        (RequestDataTooBig(), "body_too_large"),
        (UnreadablePostError(), "bad_request"),
        (drf_errors.NotAuthenticated(), "not_authenticated"),
        (drf_errors.AuthenticationFailed(), "not_authenticated"),
        (drf_errors.NotFound(), "not_found"),
        (drf_errors.ParseError(), "bad_request"),
        (drf_errors.UnsupportedMediaType("a/b"), "unsupported_media_type"),
        (drf_errors.Throttled(wait=7), "throttled"),
        (errors.TimedOut(retry_after_s=9), "timed_out"),
        (KeyError("secret"), "internal_error"),
    ],
)
def test_what_python_raises(error, code):
    assert as_domain_error(error).code == code


def test_a_throttled_caller_is_told_how_long():
    response = exception_handler(drf_errors.Throttled(wait=7), {})
    assert (response.status_code, response["Retry-After"]) == (429, "7")


@pytest.mark.django_db
def test_a_protected_row_names_what_holds_it():
    values = {"country": "MX", "currency": "MXN", "time_zone": "UTC"}
    provider = FleetProvider.objects.create(name="A", **values)
    Depot.objects.create(provider=provider, name="North", time_zone="UTC")
    with pytest.raises(ProtectedError) as caught:
        provider.delete()
    response = exception_handler(caught.value, {})
    assert (response.status_code, response.data["code"]) == (409, "in_use")
    assert response.data["extra"]["held_by"]["fleets.depot"] == 1


@pytest.mark.usefixtures("test_urls")
class TestOverHttp:
    def test_what_breaks_tells_nothing_but_its_request_id(self, stranger, caplog):
        with caplog.at_level(logging.ERROR, "voltop.api"):
            answer = stranger.get("/everything/?how=crash", **{"X-Request-Id": "request-17"})
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal_error"
        assert answer.json()["request_id"] == "request-17"
        assert b"secret" not in answer.content
        assert b"Zero" not in answer.content
        [record] = [r for r in caplog.records if r.name == "voltop.api"]
        assert record.exc_info[0] is ZeroDivisionError

    @pytest.mark.django_db
    def test_a_statement_that_takes_too_long_is_a_503(self, stranger):
        answer = stranger.get("/everything/?how=select+set_config('statement_timeout','1',true)")
        assert answer.status_code == 200
        answer = stranger.get("/everything/?how=select+pg_sleep(1)")
        assert (answer.status_code, answer.json()["code"]) == (503, "timed_out")
        assert answer["Retry-After"] == "5"

    @pytest.mark.parametrize(
        ("language", "title"),
        [
            ("en", "There is no such object."),
            ("xx", "There is no such object."),
            ("es-MX,es;q=0.9", "No existe tal objeto."),
            ("pt-BR", "Esse objeto não existe."),
            ("de-AT,en;q=0.5", "Dieses Objekt gibt es nicht."),
        ],
    )
    def test_texts_come_in_a_language(self, language, title, stranger):
        answer = stranger.get("/nothing/", **{"Accept-Language": language})
        assert answer.json()["title"] == title
        assert answer.json()["code"] == "not_found"

    def test_a_bad_host_is_json_below_api(self, stranger):
        answer = stranger.get("/everything/", Host="evil.example")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")

    def test_the_type_of_a_problem_leads_to_its_meaning(self, stranger):
        problem = stranger.get("/nothing/").json()
        path = problem["type"].partition("/api/v1")[2]
        assert stranger.get(path).json() == {
            "code": "not_found",
            "status": 404,
            "title": problem["title"],
        }
        assert stranger.get("/errors/no_such_code").status_code == 404


def test_every_code_that_a_field_can_give_is_known():
    known = all_error_classes()
    for error_class in VALIDATION_CODES.values():
        assert known[error_class.code] is error_class
