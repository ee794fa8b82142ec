"""What the parser refuses, before any field is looked at."""

import gzip
import io
import json

import pytest

from voltop.api.body import inflate, read_body
from voltop.api.errors import BadGzip, BodyTooLarge
from voltop.api.parsers import decode_json

pytestmark = pytest.mark.usefixtures("test_urls")

DEEP = b'{"a":' * 40 + b"1" + b"}" * 40

REFUSED = {
    "nul in a value": (rb'{"name":"a\u0000b"}', "null_characters_not_allowed", "name"),
    "nul in a free value": (rb'{"meta":{"k":"\u0000"}}', "null_characters_not_allowed", "meta.k"),
    "nul in a key": (rb'{"meta":{"\u0000k":1}}', "null_characters_not_allowed", "meta"),
    "lone surrogate": (rb'{"name":"\ud800"}', "surrogates_not_allowed", "name"),
    "surrogate in free json": (rb'{"meta":{"k":"\udfff"}}', "surrogates_not_allowed", "meta.k"),
    "escape": (rb'{"name":"\u001b[31m"}', "control_characters", "name"),
    "c1 control": ('{"name":"a\u0085b"}'.encode(), "control_characters", "name"),
    "bidi override": ('{"name":"abc\u202egpj.exe"}'.encode(), "control_characters", "name"),
    "bidi isolate": ('{"meta":{"a":["\u2066"]}}'.encode(), "control_characters", "meta.a.0"),
    "bytes that are no utf-8": (b'{"name":"\xff\xfe"}', "invalid_utf8", ""),
    "utf-16": ('{"name":"a"}'.encode("utf-16"), "invalid_utf8", ""),
    "utf-16 without a mark": ('{"name":"a"}'.encode("utf-16-le"), "invalid_utf8", ""),
    "utf-16 big end": ('{"name":"a"}'.encode("utf-16-be"), "invalid_utf8", ""),
    "byte order mark": (b'\xef\xbb\xbf{"name":"a"}', "malformed_json", ""),
    "nan": (b'{"latitude":NaN}', "number_not_finite", ""),
    "infinity": (b'{"latitude":-Infinity}', "number_not_finite", ""),
    "too large a float": (b'{"latitude":1e309}', "number_not_finite", "latitude"),
    "a float inside free json": (b'{"meta":{"a":-1e400}}', "number_not_finite", "meta.a"),
    "5,000 digits": (b'{"count":' + b"9" * 5000 + b"}", "number_too_long", ""),
    "20 digits": (b'{"count":' + b"9" * 20 + b"}", "number_too_long", "count"),
    "a long fraction": (b'{"latitude":0.' + b"1" * 60 + b"}", "number_too_long", ""),
    "deep array": (b"[" * 100_000, "nesting_too_deep", ""),
    "deep object": (DEEP, "nesting_too_deep", ""),
    "deep free json": (b'{"meta":' + DEEP + b"}", "nesting_too_deep", ""),
    "20,000 deep": (b'{"meta":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "nesting_too_deep", ""),
    "duplicate key": (b'{"count":1,"count":2}', "duplicate_key", "count"),
    "inner duplicate key": (b'{"meta":{"a":1,"a":1}}', "duplicate_key", "a"),
    "null": (b"null", "object_expected", ""),
    "array": (b"[]", "object_expected", ""),
    "string": (b'"x"', "object_expected", ""),
    "number": (b"5", "object_expected", ""),
    "truncated": (b'{"name":"a"', "malformed_json", ""),
    "two documents": (b"{}{}", "malformed_json", ""),
    "single quotes": (b"{'name':'a'}", "malformed_json", ""),
    "raw line break": (b'{"name":"a\nb"}', "malformed_json", ""),
    "unknown field": (b'{"colour":"red"}', "unknown_field", "colour"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_own_code(name, caller):
    body, code, field = REFUSED[name]
    answer = caller().post("/everything/", body)
    problem = answer.json()
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["code"] == code
    assert problem["status"] == 400
    assert [item["field"] for item in problem["errors"]] == ([field] if field else [])
    assert problem["request_id"] == answer["X-Request-Id"]


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("text/plain", "unsupported_media_type"),
        ("application/xml", "unsupported_media_type"),
        ("", "unsupported_media_type"),
        ("multipart/form-data", "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "unsupported_media_type"),
        ("application/json; charset=utf-16", "unsupported_charset"),
        ("application/json; charset=bogus", "unsupported_charset"),
        ("application/json; charset=bz2_codec", "unsupported_charset"),
    ],
)
def test_only_json_in_utf8_is_taken(content_type, code, caller):
    answer = caller().post("/everything/", b'{"name":"a"}', content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, code)


def test_utf8_charset_may_be_named(caller):
    kind = 'application/json; charset="UTF-8"'
    answer = caller().post("/everything/", '{"name":"é"}'.encode(), content_type=kind)
    assert answer.json() == {"name": "é"}


def test_too_large_a_body_is_413(caller):
    body = b'{"name":"' + b"a" * 1_000_001 + b'"}'
    answer = caller().post("/everything/", body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.json()["extra"] == {"limit_bytes": 1_000_000}


def test_a_body_larger_than_django_reads_is_413_too(caller):
    answer = caller().post("/everything/", b" " * 22_000_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_gzip_is_refused_where_the_route_does_not_take_it(caller):
    body = gzip.compress(b'{"name":"a"}')
    headers = {"Content-Encoding": "gzip"}
    answer = caller().send("POST", "/everything/", body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")


def test_a_gzip_bomb_stops_at_the_bound():
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b"0" * 50_000_000), 5_000_000)
    assert inflate(gzip.compress(b"0" * 5_000_000), 5_000_000) == b"0" * 5_000_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"plain",
        gzip.compress(b"abc", mtime=0)[:-1],
        gzip.compress(b"abc", mtime=0) + gzip.compress(b"def", mtime=0),
        gzip.compress(b"abc", mtime=0) + b"x",
    ],
    ids=["empty", "no gzip", "truncated", "concatenated", "followed by a byte"],
)
def test_incomplete_gzip_is_refused(raw):
    with pytest.raises(BadGzip):
        inflate(raw, 1000)


def test_a_chunked_body_is_read_to_its_end_and_bounded(rf):
    def request(size):
        made = rf.generic("POST", "/", b"")
        made.META.pop("CONTENT_LENGTH", None)
        made.META["HTTP_TRANSFER_ENCODING"] = "chunked"
        made.environ |= {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(b"a" * size)}
        return made

    assert read_body(request(10), max_bytes=10) == b"a" * 10
    with pytest.raises(BodyTooLarge):
        read_body(request(11), max_bytes=10)


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_a_body_is_needed_only_where_a_field_of_it_is(body, caller):
    api = caller(provider_id=1)
    assert api.post("/everything/", body).json() == {}
    answer = api.post("/depots/", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "body_required")


def test_an_action_without_input_takes_no_fields(caller, db):
    answer = caller(provider_id=1).post("/depots/1/retire/", {"force": True})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")
    for body in (None, {}):
        answer = caller(provider_id=1).post("/depots/1/retire/", body)
        assert answer.json()["code"] == "not_found"


def test_lenient_callers_may_send_unknown_fields(caller):
    answer = caller().post("/everything/", {"colour": 1, "count": 2}, Prefer="handling=lenient")
    found = answer.json()
    [warning] = found.pop("warnings")
    assert (warning["field"], warning["code"]) == ("colour", "unknown_field")
    assert found == {"count": 2}
    assert answer["Preference-Applied"] == "handling=lenient"


def test_a_lenient_caller_who_sends_nothing_unknown_is_told_nothing(caller):
    answer = caller().post("/everything/", {"count": 2}, Prefer="handling=lenient")
    assert answer.json() == {"count": 2}


def test_thirty_two_levels_are_allowed():
    assert decode_json(b"[" * 32 + b"]" * 32)
    with pytest.raises(Exception, match="nesting_too_deep"):
        decode_json(b"[" * 33 + b"]" * 33)


def test_plain_json_is_understood_as_it_is(caller):
    given = {"name": "Ángela 🚗", "count": -5, "meta": {"a": [1, 2.5, None, True, "\n"]}}
    assert caller().post("/everything/", given).json() == given
    assert json.loads(json.dumps(given)) == given
