"""Ninety-two inputs that break ordinary APIs, and what each must be answered with.

Numbered as in the acceptance suite that the product is measured by. An input has a place:

- body: the whole body of an operation that takes one; needed body: of one that cannot do without;
- field: one field of a kind in an otherwise good body;
- query: the query string of a list; path: a path parameter;
- operation: one named operation; elsewhere: proven by another test, or below the application.

Not here: which operations there are (`test_bad_inputs`, from the OpenAPI schema).
"""

import gzip
from dataclasses import dataclass
from typing import Any, Literal

Place = Literal["body", "needed body", "field", "query", "path", "operation", "elsewhere"]
JSON = "application/json"


@dataclass(frozen=True)
class Bad:
    """One input. `values` are tried one after the other, each must give `code`.

    For a body a value is raw bytes; for a field, JSON or `Raw`; for a query, the query string;
    for a path, the raw segment. `kinds` are the kinds of fields it concerns. A code of "" means
    that any 400 will do.
    """

    place: Place
    values: tuple[Any, ...] = ()
    code: str = ""
    status: int = 400
    kinds: tuple[str, ...] = ()
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    operations: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Raw:
    """A piece of JSON text that no Python value would be written as."""

    text: str


@dataclass(frozen=True)
class Added:
    """A field put into an otherwise good body."""

    name: str
    value: Any


def field(kinds: str, values: Any, code: str) -> Bad:
    given = values if isinstance(values, tuple) else (values,)
    return Bad("field", given, code, kinds=tuple(kinds.split()))


def body(values: Any, code: str, status: int = 400, **more: Any) -> Bad:
    return Bad("body", values if isinstance(values, tuple) else (values,), code, status, **more)


def query(values: Any, code: str) -> Bad:
    return Bad("query", values if isinstance(values, tuple) else (values,), code)


def path(*values: str) -> Bad:
    return Bad("path", values, "not_found", 404)


def elsewhere(reason: str) -> Bad:
    return Bad("elsewhere", reason=reason)


TRANSPORT = "transport: the server refuses it before the application is called"
NO_WEBHOOKS = "no operation takes an address to call; voltop/tests/test_http.py proves the guard"
CALLS = "an outgoing call: voltop/tests/test_http.py"
NUL, SURROGATE, CONTROL = (
    "null_characters_not_allowed",
    "surrogates_not_allowed",
    "control_characters",
)
LARGE = b'{"x":"' + b"a" * 3_000_000 + b'"}'
DEEP = b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
DEEPER_THAN_ALLOWED = b'{"x":' + b"[" * 900 + b"]" * 900 + b"}"

INPUTS: dict[int, Bad] = {
    1: field("text", Raw(r'"a\u0000b"'), NUL),
    2: field("object", Raw(r'{"k":"\u0000"}'), NUL),
    3: field("object", Raw(r'{"\u0000k":1}'), NUL),
    4: field("object", Raw(r'{"a":{"b":["\u0000"]}}'), NUL),
    5: query(("cursor=%00", "updated_since=%00"), NUL),
    6: query("search=%00", NUL),
    7: path("%00", "1%00"),
    8: elsewhere("the admin's log-in page, an HTML form: test_the_log_in_page_takes_no_nul"),
    9: field("text", Raw(r'"\ud800"'), SURROGATE),
    10: field("object", Raw(r'{"k":"\ud800"}'), SURROGATE),
    11: body(b'{"x":"\xff\xfe"}', "invalid_utf8"),
    12: body(('{"x":1}'.encode("utf-16"), '{"x":1}'.encode("utf-16-le")), "invalid_utf8"),
    13: body(b'\xef\xbb\xbf{"x":1}', "malformed_json"),
    14: body(
        '{"x":1}'.encode("utf-16"),
        "unsupported_charset",
        415,
        content_type="application/json; charset=utf-16",
    ),
    15: body(
        b'{"x":1}', "unsupported_charset", 415, content_type="application/json; charset=bogus"
    ),
    16: query(("search=%ff", "cursor=%c3%28"), "invalid_utf8"),
    17: body(
        b"name=%ff%fe",
        "unsupported_media_type",
        415,
        content_type="application/x-www-form-urlencoded",
    ),
    18: body((b'{"x":NaN}', b'{"x":-Infinity}'), "number_not_finite"),
    19: field("number decimal", ("nan", "inf", "-Infinity"), "number_not_finite"),
    20: field("number decimal object", (Raw("1e309"), Raw('{"a":1e309}')), ""),
    21: field("money", ({"amount": "-0.0", "currency": "MXN"},), ""),
    22: field("decimal integer", ("1_0", "1_000"), "invalid_number"),
    23: field("decimal integer", "١٢", "invalid_number"),
    24: field("integer", Raw("1.0"), "invalid_number"),
    25: field("integer", "1e2", "invalid_number"),
    26: field("integer", (True, False), "invalid_number"),
    27: field("integer32", 2**31, "out_of_range"),
    28: field("integer32", (2**31, 2**62), "out_of_range"),
    29: field("integer", (2**63, -(2**63) - 1), "out_of_range"),
    30: body(b'{"x":' + b"9" * 5_000 + b"}", "number_too_long"),
    31: field("decimal", ("1e1000000", "1E+9"), "invalid_number"),
    32: field("decimal", ("sNaN", "NaN123"), "invalid_number"),
    33: field("money", {"amount": 0.30000000000000004, "currency": "MXN"}, "amount_must_be_string"),
    34: field(
        "money",
        ({"amount": "1.001", "currency": "MXN"}, {"amount": "1.5", "currency": "JPY"}),
        "too_many_decimals",
    ),
    35: field("money", {"amount": "1" + "0" * 15, "currency": "MXN"}, "amount_out_of_range"),
    36: field(
        "money",
        tuple({"amount": "1.00", "currency": code} for code in ("mxn", "XXX", "€")),
        "unknown_currency",
    ),
    37: body((b"[" * 100_000, b'{"x":' + b"[" * 100_000), "nesting_too_deep"),
    38: body(DEEP, "nesting_too_deep"),
    39: body(DEEPER_THAN_ALLOWED, "nesting_too_deep"),
    40: body((b'{"x":1,"x":2}', b'{"y":{"x":1,"x":1}}'), "duplicate_key"),
    41: Bad("body", (Added("no_such_field", 1),), "unknown_field"),
    42: body((b"null", b"[]", b'"x"', b"5", b"true"), "object_expected"),
    43: Bad("needed body", (b"", b" \n"), "body_required"),
    44: body((b'{"x":1', b'{"x"', b"{", b"{'x':1}", b"{}x"), "malformed_json"),
    45: body(LARGE, "body_too_large", 413),
    46: elsewhere(TRANSPORT),
    47: elsewhere(TRANSPORT),
    48: body(
        gzip.compress(b" " * 1_000_000),
        "unsupported_encoding",
        415,
        headers=(("Content-Encoding", "gzip"),),
    ),
    49: Bad(
        "operation",
        (b"plain", gzip.compress(b"{}")[:-1], gzip.compress(b"{}") * 2),
        "bad_gzip",
        headers=(("Content-Encoding", "gzip"),),
        operations=("telemetry_samples",),
    ),
    50: body(b'{"x":1}', "unsupported_media_type", 415, content_type="application/xml"),
    51: body(b'{"x":1}', "unsupported_media_type", 415, content_type="multipart/form-data"),
    52: body(
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1',
        "unsupported_media_type",
        415,
        content_type="multipart/form-data; boundary=b",
    ),
    53: body(
        b"&".join(b"a%d=1" % n for n in range(2_000)),
        "unsupported_media_type",
        415,
        content_type="application/x-www-form-urlencoded",
    ),
    54: elsewhere(TRANSPORT),
    55: field("instant", "9999-12-31T23:59:59-12:00", "datetime_out_of_range"),
    56: field("instant", "0001-01-01T00:00:00+14:00", "datetime_out_of_range"),
    57: field("date", "0001-01-01", "date_out_of_range"),
    58: field("instant", ("10000-01-01T00:00:00Z", "2026-03-01T24:00:00Z"), "invalid_datetime"),
    59: field(
        "instant",
        ("2026-03-01T08:00:00+23:59", "2026-03-01T08:00:00+24:00"),
        "datetime_out_of_range",
    ),
    60: field("instant", "2016-12-31T23:59:60Z", "invalid_datetime"),
    61: field("instant", "2026-03-01T08:00:00", "offset_required"),
    62: elsewhere("no operation takes local times; voltop/tests/test_clock.py proves the rule"),
    63: elsewhere("no operation takes local times; voltop/tests/test_clock.py proves the rule"),
    64: field("zone", ("Mars/Base", "../../etc/passwd", "EST"), "unknown_timezone"),
    65: field("date", ("2026-02-30", "2027-02-29"), "invalid_date"),
    66: field("integer32", 999_999_999 * 86_400, "out_of_range"),
    67: field("range", ("backward", "empty"), ""),
    68: field("text", "abc\u202egpj.exe", CONTROL),
    69: field("filled", ("\u200b", "\u00a0", "\u200b\u2060\ufeff"), "blank"),
    70: field("words", "e" + "\u0301" * 79, ""),
    71: field("text", ("a\u0007", "\u001b[31m", "a\r\nb"), CONTROL),
    72: field("email", "\u0430dmin@example.com", "invalid_email"),
    73: field("text", (5, True, ["a"], {"a": 1}), "string_expected"),
    74: field("uuid", (5, "5"), "uuid_expected"),
    75: field("relation", ("abc", [1], Raw("1.5"), 2**62, 0, -1), "object_not_found"),
    76: path("1%0a", "%0a1"),
    77: path(str(2**63), "-1", "%F0%9F%9A%97", "..%2f1", "1e3", "%D9%A1", "0x1", "+1", "1%20"),
    78: field("url", ("javascript:alert(1)", "data:text/html,x"), "invalid_url"),
    79: elsewhere(NO_WEBHOOKS),
    80: elsewhere(NO_WEBHOOKS),
    81: elsewhere(NO_WEBHOOKS),
    82: elsewhere(NO_WEBHOOKS),
    83: elsewhere(CALLS),
    84: elsewhere(CALLS),
    85: query("page_size=99999999999999999999", "limit_out_of_range"),
    86: query(
        ("page_size=1000000", "page_size=-1", "page_size=abc", "page_size=0"), "limit_out_of_range"
    ),
    87: query(("cursor=x", "cursor=" + "A" * 40, "cursor="), "bad_cursor"),
    88: query(("ordering=provider__tax_id", "ordering=-zzz"), "unknown_ordering"),
    89: query("unknown=1", "unknown_parameter"),
    90: query(("search=" + "a" * 5_000, "search=" + "+".join(["a"] * 500)), "search_too_long"),
    91: field("password", ("s" * 2_000,), "too_long"),
    92: Bad(
        "operation",
        (
            b'{"refresh_token":"a.b.c"}',
            '{"refresh_token":"é.é.é"}'.encode(),
            b'{"refresh_token":"vtr_%s"}' % (b"A" * 43),
        ),
        "invalid_refresh_token",
        401,
        operations=("auth_refresh",),
    ),
}
