"""Tables come in row by row with their numbers, and go out as text and numbers only."""

import csv
import gzip
import io
import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltop import tabular
from voltop.tabular import MissingColumns, Row, UnreadableTable, read_rows


def table(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def test_rows_carry_the_numbers_that_a_spreadsheet_shows():
    rows = list(read_rows(table('plate,km\nA,1\n\n"B\nC",2\nD,3\n')))
    assert rows == [
        Row(2, {"plate": "A", "km": "1"}),
        Row(4, {"plate": "B\nC", "km": "2"}),
        Row(5, {"plate": "D", "km": "3"}),
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("by_path", [False, True])
def test_a_file_may_be_gzipped_whatever_it_is_called(tmp_path, packed, by_path):
    data = "plate;km\r\nÑ;1,5\r\n".encode()
    path = tmp_path / "rows.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    source = path if by_path else io.BytesIO(path.read_bytes())
    assert list(read_rows(source, delimiter=";")) == [Row(2, {"plate": "Ñ", "km": "1,5"})]


def test_a_byte_order_mark_and_spaces_are_not_part_of_a_column():
    rows = list(read_rows(table("\ufeffplate , km\nA,1\n"), required=["plate", "km"]))
    assert rows[0].cells == {"plate": "A", "km": "1"}


def test_bad_rows_are_named_and_end_nothing():
    rows = list(read_rows(table("a,b\n1,2\n1\n1,2,3\nx\0,y\n3,4\n")))
    assert [(row.number, row.problem) for row in rows] == [
        (2, ""),
        (3, "cell_count"),
        (4, "cell_count"),
        (5, "null_character"),
        (6, ""),
    ]
    assert rows[1].cells == {}


def test_missing_columns_are_named():
    with pytest.raises(MissingColumns) as error:
        list(read_rows(table("plate,km\n"), required=["plate", "vin", "soc"]))
    assert error.value.extra == {"missing": ["soc", "vin"], "found": ["plate", "km"]}


@pytest.mark.parametrize(
    ("data", "reason", "row"),
    [
        (b"", "empty", 1),
        (b"\n\n", "empty", 1),
        (b" , \n", "empty", 1),
        (b"a,a\n", "columns", 1),
        (b"a,b\n1,2\n\xff,1\n", "encoding", None),
        ("a,b\n".encode("utf-16"), "encoding", 1),
        (b'a,b\n1,2\n"x,1\n3,4\n', "csv", 3),
        (b'a,b\n"x"y,1\n', "csv", 2),
        (b"a\n" + b"x" * 200_000 + b"\n", "csv", 2),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-9], "gzip", None),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:10] + b"\xff" * 9, "gzip", 1),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(data, reason, row):
    with pytest.raises(UnreadableTable) as error:
        list(read_rows(table(data)))
    assert error.value.extra["reason"] == reason
    assert row is None or error.value.extra["row"] == row


@given(st.binary(max_size=300))
def test_no_bytes_bring_anything_but_rows_and_named_errors(data):
    try:
        for row in read_rows(table(data)):
            assert row.number >= 2
    except UnreadableTable:
        pass


def test_a_large_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "rows.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("plate,km,at\n")
        for n in range(100_000):
            file.write(f"PLATE{n},{n}.5,2026-11-20T10:00:00Z\n")
    tracemalloc.start()
    assert sum(1 for _ in read_rows(path)) == 100_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


# --- writing -------------------------------------------------------------------------------------

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1", "－1", "＠x",
    "\u200b=1", "|calc", "%0A", "\0=1", "\ufeff=1", "\u00a0=1", "\u202e=1", "﹦1", " \t @x",
    "=", "-", "+52 55 1234", '=HYPERLINK("http://x")', "\x1b[31m", "\ttext",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_could_be_a_formula_becomes_text(text):
    (line,) = list(tabular.csv_lines([text], []))
    cell = next(csv.reader(io.StringIO(line, newline="")))[0]
    assert cell == "'" + text


@pytest.mark.parametrize(
    "text",
    ["", "Ana", "a=b", "1-2", "12", "-12.50", "+5", "-1,5", "+525512345678", "(=1)", "é", "'=1",
     "—", "2026-11-20"],
)  # fmt: skip
def test_other_text_and_plain_numbers_stay_as_they_are(text):
    assert tabular.formula_safe(text) == text


@given(st.text(max_size=30))
def test_no_text_begins_with_what_a_spreadsheet_runs(text):
    safe = tabular.formula_safe(text)
    assert safe in (text, f"'{text}")
    assert safe[:1] not in tuple("=@|%\t\r\n\0")
    if safe[:1] in tuple("+-"):
        Decimal(safe.replace(",", ".") if safe.count(",") + safe.count(".") < 2 else "0")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (-7, "-7"),
        (Decimal("-1E+3"), "-1000"),
        (Decimal("-0.10"), "-0.10"),
        (-1.5, "-1.5"),
        (datetime(2026, 3, 8, 10, 0, tzinfo=timezone(timedelta(hours=-8))), "2026-03-08T18:00:00Z"),
        (datetime(2026, 3, 8, 10, 0, 0, 500000, tzinfo=UTC), "2026-03-08T10:00:00.500000Z"),
        (date(2026, 3, 8), "2026-03-08"),
        ("=x", "'=x"),
    ],
)
def test_values_stand_in_cells_as_what_they_are(value, text):
    assert tabular.cell_text(value) == text


def test_an_export_is_read_back_as_it_was():
    rows = [["Ana, Example", 'say "hi"', "two\nlines", Decimal("1.50")], ["", None, "x", 2]]
    lines = list(tabular.csv_lines(["name", "note", "text", "amount"], rows))
    assert len(lines) == 3
    back = [list(row.cells.values()) for row in read_rows(table("".join(lines)))]
    assert back == [["Ana, Example", 'say "hi"', "two\nlines", "1.50"], ["", "", "x", "2"]]
