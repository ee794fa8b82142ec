"""Each strict field: what it takes, what it shows, and the code of what it refuses."""

import pytest

pytestmark = pytest.mark.usefixtures("test_urls")

UUID = "01920000-0000-7000-8000-000000000001"

TAKEN = [
    ("name", "  José  ", "José"),
    ("name", "نام\u200cها", "نام\u200cها"),
    ("name", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ("name", "e\u0301\u0323", "e\u0301\u0323"),
    ("note", "one\n\ttwo", "one\n\ttwo"),
    ("email", "Ana.Diaz@example.com", "Ana.Diaz@example.com"),
    ("url", "https://example.com/a?b=1", "https://example.com/a?b=1"),
    ("count", 0, 0),
    ("count", 2**31 - 1, 2**31 - 1),
    ("count", -(2**31), -(2**31)),
    ("share", "12.5", "12.50"),
    ("share", "-0", "0.00"),
    ("share", -0.0, "0.00"),
    ("share", 7, "7.00"),
    ("share", 0.1, "0.10"),
    ("latitude", 90, 90.0),
    ("latitude", -12.25, -12.25),
    ("is_new", False, False),
    ("ref", UUID, UUID),
    ("status", "open", "open"),
    ("tags", ["a", "b"], ["a", "b"]),
    ("tags", [], []),
    ("meta", {"a": {"b": [None]}}, {"a": {"b": [None]}}),
    ("at", "2026-03-01T08:30:00-08:00", "2026-03-01T16:30:00Z"),
    ("at", "2026-03-01T08:30:00-0800", "2026-03-01T16:30:00Z"),
    ("at", "2026-03-01t08:30:00.25z", "2026-03-01T08:30:00.250000Z"),
    ("at", "2026-03-01T08:30:00+14:00", "2026-02-28T18:30:00Z"),
    ("at", "1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
    ("on", "2028-02-29", "2028-02-29"),
    ("opens", "08:30", "08:30:00"),
]


@pytest.mark.parametrize(("field", "given", "shown"), TAKEN)
def test_taken(field, given, shown, caller):
    answer = caller().post("/everything/", {field: given})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {field: shown}


REFUSED = [
    # text
    ("name", 5, "string_expected"),
    ("name", True, "string_expected"),
    ("name", ["a"], "string_expected"),
    ("name", {"a": 1}, "string_expected"),
    ("name", None, "null"),
    ("name", "", "blank"),
    ("name", "  \t ", "blank"),
    ("name", "\u200b\u200d\ufeff", "blank"),
    ("name", "\u00a0\u2003", "blank"),
    ("name", "\u3164", "blank"),
    ("name", "a" * 41, "too_long"),
    ("code", "ab", "too_short"),
    ("name", "one\ntwo", "control_characters"),
    ("name", "one\ttwo", "control_characters"),
    ("name", "one\u2028two", "control_characters"),
    ("name", "e" + "\u0301" * 9, "combining_marks"),
    ("note", "one\r\ntwo", "control_characters"),
    ("note", "a" * 401, "too_long"),
    ("email", "ana", "invalid_email"),
    ("email", "ana@", "invalid_email"),
    ("email", "\u0430dmin@example.com", "invalid_email"),
    ("email", "a b@example.com", "invalid_email"),
    ("email", "a@" + "b" * 300 + ".com", "too_long"),
    ("url", "javascript:alert(1)", "invalid_url"),
    ("url", "data:text/html,x", "invalid_url"),
    ("url", "ftp://example.com/", "invalid_url"),
    ("url", "https://exa mple.com/", "invalid_url"),
    ("url", "http://[::1", "invalid_url"),
    ("secret", "s" * 1025, "too_long"),
    ("secret", ["secret"], "string_expected"),
    # numbers
    ("count", "5", "invalid_number"),
    ("count", "1_000", "invalid_number"),
    ("count", "١٢", "invalid_number"),
    ("count", "1e2", "invalid_number"),
    ("count", 1.0, "invalid_number"),
    ("count", True, "invalid_number"),
    ("count", [1], "invalid_number"),
    ("count", 2**31, "out_of_range"),
    ("count", 2**63, "out_of_range"),
    ("share", "1_0", "invalid_number"),
    ("share", "١٢", "invalid_number"),
    ("share", "1e2", "invalid_number"),
    ("share", "nan", "number_not_finite"),
    ("share", "sNaN", "invalid_number"),
    ("share", "-Infinity", "number_not_finite"),
    ("share", "1e1000000", "invalid_number"),
    ("share", "12.345", "invalid_number"),
    ("share", "+1", "invalid_number"),
    ("share", " 1", "invalid_number"),
    ("share", ".5", "invalid_number"),
    ("share", 0.30000000000000004, "invalid_number"),
    ("share", True, "invalid_number"),
    ("share", "1234567.00", "out_of_range"),
    ("share", 10**18, "out_of_range"),
    ("latitude", "inf", "number_not_finite"),
    ("latitude", "12", "invalid_number"),
    ("latitude", 90.5, "out_of_range"),
    ("is_new", "true", "boolean_expected"),
    ("is_new", 1, "boolean_expected"),
    ("ref", 5, "uuid_expected"),
    ("ref", UUID.replace("-", ""), "uuid_expected"),
    ("ref", f"{{{UUID}}}"[:36], "uuid_expected"),
    ("status", "OPEN", "invalid_choice"),
    ("status", ["open"], "invalid_choice"),
    ("status", True, "invalid_choice"),
    ("tags", "a", "list_expected"),
    ("tags", {"0": "a"}, "list_expected"),
    ("tags", ["a"] * 4, "too_many_items"),
    ("pair", [1], "too_few_items"),
    ("meta", [1], "object_expected"),
    ("meta", "{}", "object_expected"),
    ("meta", {"a": "b" * 16_385}, "too_long"),
    # time
    ("at", "2026-03-01T08:30:00", "offset_required"),
    ("at", "2026-03-01", "invalid_datetime"),
    ("at", "2026-03-01T08:30Z", "invalid_datetime"),
    ("at", "2026-02-30T08:30:00Z", "invalid_datetime"),
    ("at", "2026-03-01T24:00:00Z", "invalid_datetime"),
    ("at", "2016-12-31T23:59:60Z", "invalid_datetime"),
    ("at", "2026-03-01T08:30:00.1234567Z", "invalid_datetime"),
    ("at", "10000-01-01T00:00:00Z", "invalid_datetime"),
    ("at", "2026-03-01T08:30:00+08:60", "invalid_datetime"),
    ("at", "2026-03-01T08:30:00+23:59", "datetime_out_of_range"),
    ("at", "2026-03-01T08:30:00+24:00", "datetime_out_of_range"),
    ("at", "2026-03-01T08:30:00-14:01", "datetime_out_of_range"),
    ("at", "9999-12-31T23:59:59-12:00", "datetime_out_of_range"),
    ("at", "0001-01-01T00:00:00+14:00", "datetime_out_of_range"),
    ("at", "1899-12-31T23:59:59Z", "datetime_out_of_range"),
    ("at", 1772353800, "string_expected"),
    ("on", "0001-01-01", "date_out_of_range"),
    ("on", "2201-01-01", "date_out_of_range"),
    ("on", "2026-02-30", "invalid_date"),
    ("on", "2027-02-29", "invalid_date"),
    ("on", "20260301", "invalid_date"),
    ("on", "2026-W09-1", "invalid_date"),
    ("on", "٢٠٢٦-٠٣-٠١", "invalid_date"),
    ("opens", "24:00", "invalid_time"),
    ("opens", "8:30", "invalid_time"),
    ("opens", "08:30Z", "invalid_time"),
]


@pytest.mark.parametrize(("field", "given", "code"), REFUSED)
def test_refused(field, given, code, caller):
    answer = caller().post("/everything/", {field: given})
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == code
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]


def test_a_secret_is_kept_as_it_is_and_never_shown():
    from voltop.tests.api_views import EverythingInput

    serializer = EverythingInput(data={"secret": "  pad  "})
    assert serializer.is_valid()
    assert serializer.validated_data == {"secret": "  pad  "}
    assert "secret" not in serializer.data


MONEY = [
    ({"amount": "412.35", "currency": "MXN"}, None),
    ({"amount": "412", "currency": "JPY"}, None),
    ({"amount": 412.35, "currency": "MXN"}, ("price.amount", "amount_must_be_string")),
    ({"amount": 412, "currency": "MXN"}, ("price.amount", "amount_must_be_string")),
    ({"amount": 0.30000000000000004, "currency": "MXN"}, ("price.amount", "amount_must_be_string")),
    ({"amount": "1e2", "currency": "MXN"}, ("price.amount", "invalid_number")),
    ({"amount": "1,000.00", "currency": "MXN"}, ("price.amount", "invalid_number")),
    ({"amount": "١٢", "currency": "MXN"}, ("price.amount", "invalid_number")),
    ({"amount": "NaN", "currency": "MXN"}, ("price.amount", "invalid_number")),
    ({"amount": "-0.0", "currency": "MXN"}, ("price.amount", "invalid_number")),
    ({"amount": "412.355", "currency": "MXN"}, ("price.amount", "too_many_decimals")),
    ({"amount": "412.5", "currency": "JPY"}, ("price.amount", "too_many_decimals")),
    ({"amount": "-1.00", "currency": "MXN"}, ("price.amount", "amount_out_of_range")),
    ({"amount": "0.00", "currency": "MXN"}, ("price.amount", "amount_out_of_range")),
    ({"amount": "-0", "currency": "MXN"}, ("price.amount", "invalid_number")),
    ({"amount": "1" + "0" * 15, "currency": "MXN"}, ("price.amount", "amount_out_of_range")),
    ({"amount": "1.00", "currency": "mxn"}, ("price.currency", "unknown_currency")),
    ({"amount": "1.00", "currency": "XXX"}, ("price.currency", "unknown_currency")),
    ({"amount": "1.00", "currency": "€"}, ("price.currency", "unknown_currency")),
    ({"amount": "1.00", "currency": 5}, ("price.currency", "unknown_currency")),
    ({"amount": "1.00"}, ("price.currency", "required")),
    ({"currency": "MXN"}, ("price.amount", "required")),
    ({"amount": "1.00", "currency": "MXN", "vat": 1}, ("price.vat", "unknown_field")),
    ("412.35 MXN", ("price", "object_expected")),
]


@pytest.mark.parametrize(("given", "refused"), MONEY)
def test_money(given, refused, caller):
    answer = caller().post("/everything/", {"price": given})
    if refused is None:
        assert answer.json() == {"price": [given["amount"], given["currency"]]}
        return
    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [refused]


def test_money_is_shown_with_the_decimals_of_its_currency():
    from decimal import Decimal
    from types import SimpleNamespace

    from voltop.api.fields import MoneyField
    from voltop.api.serializers import Serializer

    class Bill(Serializer):
        total = MoneyField("total_amount", "provider.currency")

    def shown(amount, currency):
        row = SimpleNamespace(total_amount=amount, provider=SimpleNamespace(currency=currency))
        return Bill(row).data["total"]

    assert shown(Decimal("412.3500"), "MXN") == {"amount": "412.35", "currency": "MXN"}
    assert shown(Decimal("412.0000"), "JPY") == {"amount": "412", "currency": "JPY"}
    assert shown(Decimal("-0.5000"), "KWD") == {"amount": "-0.500", "currency": "KWD"}
    assert shown(None, "MXN") is None


START, END = "2026-03-01T08:00:00Z", "2026-03-01T10:00:00Z"


@pytest.mark.parametrize(
    ("period", "field", "code"),
    [
        ({"start": END, "end": START}, "period.end", "invalid_range"),
        ({"start": START, "end": START}, "period.end", "invalid_range"),
        ({"start": START, "end": "2036-03-01T08:00:00Z"}, "period.end", "invalid_range"),
        ({"start": START}, "period.end", "required"),
        ({"start": START, "end": END, "until": END}, "period.until", "unknown_field"),
        ({"start": "2026-03-01T08:00:00", "end": END}, "period.start", "offset_required"),
        ([START, END], "period", "object_expected"),
        (None, "period", "null"),
    ],
)
def test_a_period_runs_forward_and_ends(period, field, code, caller):
    answer = caller().post("/everything/", {"period": period})
    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]


def test_a_period_is_taken_as_two_instants(caller):
    answer = caller().post("/everything/", {"period": {"start": START, "end": END}})
    assert answer.json() == {"period": [START, END]}


def test_several_errors_are_all_named_under_one_code(caller):
    answer = caller().post("/everything/", {"count": "5", "on": "x", "colour": 1, "tags": ["a", 5]})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_input")
    assert {(e["field"], e["code"]) for e in problem["errors"]} == {
        ("count", "invalid_number"),
        ("on", "invalid_date"),
        ("colour", "unknown_field"),
        ("tags.1", "string_expected"),
    }


def test_several_errors_of_one_kind_keep_their_code(caller):
    problem = caller().post("/everything/", {"count": "5", "share": "x"}).json()
    assert problem["code"] == "invalid_number"
    assert len(problem["errors"]) == 2
