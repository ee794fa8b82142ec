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
from voltop.tabular import (
    DoubledColumns,
    EmptyTable,
    Limits,
    MissingColumns,
    Row,
    TableTooLarge,
    UnreadableTable,
    WrongDelimiter,
    WrongEncoding,
    read_rows,
)


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
    ("data", "error", "extra"),
    [
        (b"", EmptyTable, {}),
        (b"\n\n", EmptyTable, {}),
        (b" , \n", EmptyTable, {}),
        (b"a,b,a\n", DoubledColumns, {"columns": ["a"]}),
        (b"a;b\n1;2\n", WrongDelimiter, {"found": ";", "expected": ","}),
        (b"a\tb\n", WrongDelimiter, {"found": "\t", "expected": ","}),
        (b"a,b\n1,2\n\xff,1\n", WrongEncoding, None),
        ("name\nJosé\n".encode("latin-1"), WrongEncoding, None),
        ("a,b\n".encode("utf-16"), WrongEncoding, {"row": 1}),
        (b'a,b\n1,2\n"x,1\n3,4\n', UnreadableTable, {"reason": "csv", "row": 3}),
        (b'a,b\n"x"y,1\n', UnreadableTable, {"reason": "csv", "row": 2}),
        (b"a\n" + b"x" * 200_000 + b"\n", UnreadableTable, {"reason": "csv", "row": 2}),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-9], UnreadableTable, None),
        (
            gzip.compress(b"a,b\n1,2\n", mtime=0)[:10] + b"\xff" * 9,
            UnreadableTable,
            {"reason": "gzip", "row": 1},
        ),
        (b"PK\x03\x04 no workbook", UnreadableTable, {"reason": "workbook", "row": 1}),
    ],
)
def test_what_is_no_table_is_refused_by_name(data, error, extra):
    with pytest.raises(error) as refused:
        list(read_rows(table(data)))
    assert extra is None or refused.value.extra == extra
    assert str(refused.value.detail)


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (b"a,b\n" * 10, "rows"),
        (b"a" * 2_000, "bytes"),
        (gzip.compress(b"a,b\n" * 100_000), "rows"),
        (gzip.compress(b"a" * 100_000), "bytes"),
        (b"a,b," * 400 + b"\n", "columns"),
    ],
)
def test_no_more_is_taken_than_was_agreed(data, limit):
    limits = Limits(text_bytes=1_800, rows=5)
    with pytest.raises(TableTooLarge) as error:
        list(read_rows(table(data), limits=limits))
    assert error.value.extra["limit"] == limit


@pytest.mark.parametrize("cells", [b"x," * 700_000, b'"\n",' * 300_000])
def test_a_record_of_a_million_cells_is_never_built(cells):
    tracemalloc.start()
    with pytest.raises(TableTooLarge) as error:
        list(read_rows(table(b"a,b\n" + cells + b"\n")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.value.extra["limit"] == "row"
    assert peak < 60_000_000


@given(st.binary(max_size=300))
def test_no_bytes_bring_anything_but_rows_and_named_errors(data):
    try:
        for row in read_rows(table(data)):
            assert row.number >= 2
    except (EmptyTable, WrongEncoding, WrongDelimiter, DoubledColumns, UnreadableTable):
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
