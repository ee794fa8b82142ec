"""XLSX comes in like CSV, bounded before it is unpacked, and goes out as numbers and text."""

import io
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from voltop.tabular import (
    EmptyTable,
    Limits,
    MissingColumns,
    Row,
    TableTooLarge,
    UnreadableTable,
    own_text,
    read_rows,
    write_workbook,
)
from voltop.tests.test_tabular import FORMULAS

HALF_PAST = datetime.fromisoformat("2026-03-01T08:30")
SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows):
    made = Workbook()
    for row in rows:
        made.active.append(row)
    file = io.BytesIO()
    made.save(file)
    return io.BytesIO(file.getvalue())


def with_part(file, name, data):
    """The same workbook with one part put in another's place."""
    changed = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, data)
    return io.BytesIO(changed.getvalue())


def sheet(rows):
    head = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    return f"{head}{rows}</sheetData></worksheet>"


def test_cells_come_as_text_whatever_they_are():
    file = workbook(
        ["plate", "km", "on", "at", "phone", "ok", "none"],
        [
            "Ñ-1",
            12.5,
            date(2026, 3, 1),
            datetime.fromisoformat("2026-03-01T08:30"),
            5215512345678.0,
            True,
            None,
        ],
        [],
        ["B", 3, time(8, 30), "x", None, False, ""],
    )
    rows = list(read_rows(file, required=["plate", "km"]))
    assert [row.number for row in rows] == [2, 4]
    assert list(rows[0].cells.values()) == [
        *("Ñ-1", "12.5", "2026-03-01", "2026-03-01T08:30:00", "5215512345678", "true", "")
    ]
    assert list(rows[1].cells.values()) == ["B", "3", "08:30:00", "x", "", "false", ""]


def test_a_formula_or_an_error_is_not_its_last_result():
    rows = list(read_rows(workbook(["a", "b"], ["=1+1", "#REF!"], ["x", "=A2"])))
    assert [row.cells for row in rows] == [{"a": "=", "b": "="}, {"a": "x", "b": "="}]


def test_a_row_wider_than_the_header_is_named():
    rows = list(read_rows(workbook(["a", "b"], [1, 2, 3], [4])))
    assert rows == [Row(2, {}, "cell_count"), Row(3, {"a": "4", "b": ""})]


def test_missing_columns_and_an_empty_sheet_are_named():
    with pytest.raises(MissingColumns):
        list(read_rows(workbook(["a"]), required=["b"]))
    with pytest.raises(EmptyTable):
        list(read_rows(workbook()))


BILLION = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghi"))
    + ']><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    "<row r='1'><c t='inlineStr'><is><t>&i;</t></is></c></row></sheetData></worksheet>"
)
BOMBS = {
    "flat": (SHEET, b" " * 70_000_000),
    "styles": ("xl/styles.xml", b" " * 3_000_000),
    "one row": (SHEET, sheet("<row r='1'>" + "<c/>" * 1_000_000 + "</row>")),
    "one text": ("xl/sharedStrings.xml", "<sst><si>" + "<r/>" * 1_000_000 + "</si></sst>"),
    "utf-16": (SHEET, sheet("<row><c/></row>" * 30_000).encode("utf-16")),
    "entities": (SHEET, BILLION),
    "last row": (SHEET, sheet("<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>")),
    "rows": (SHEET, sheet("<row><c><v>1</v></c></row>" * 2_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(name):
    file = with_part(workbook(["a"]), *BOMBS[name])
    with pytest.raises((TableTooLarge, UnreadableTable, EmptyTable)):
        list(read_rows(file, limits=Limits(rows=1_000)))


def test_many_parts_are_refused():
    file = workbook(["a"])
    with zipfile.ZipFile(file, "a") as archive:
        for n in range(600):
            archive.writestr(f"xl/media/{n}", b"")
    file.seek(0)
    with pytest.raises(TableTooLarge):
        list(read_rows(file))


DAMAGE = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6
)


@settings(max_examples=60)
@given(DAMAGE)
def test_a_damaged_workbook_brings_rows_or_a_named_error(damage):
    whole = bytearray(workbook(["a", "b"], ["x", 1], [date(2026, 1, 1), True]).getvalue())
    for share, value in damage:  # a share, for the file's length differs with the time in it
        whole[4 + int(share * (len(whole) - 4))] = value
    try:
        for row in read_rows(io.BytesIO(bytes(whole))):
            assert row.number >= 2
    except (UnreadableTable, TableTooLarge, EmptyTable, MissingColumns):
        pass


def exported(header, rows):
    file = io.BytesIO()
    write_workbook(file, "drivers", header, rows)
    return io.BytesIO(file.getvalue())


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_an_export_is_a_formula(text):
    found = list(load_workbook(exported(["a"], [[text]])).active.iter_rows())[1][0]
    assert found.data_type == "s"
    assert found.value.startswith("'")


def test_numbers_stay_numbers_and_text_stays_text():
    values = [1, Decimal("12.50"), -3, "007", True, None, datetime(2026, 3, 1, tzinfo=UTC)]
    row = list(load_workbook(exported(list("abcdefg"), [values])).active.iter_rows())[1]
    assert [cell.data_type for cell in row] == ["n", "n", "n", "s", "s", "n", "s"]
    assert [cell.value for cell in row][:5] == [1, 12.5, -3, "007", "true"]
    assert row[6].value == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize("text", [t for t in FORMULAS if "\0" not in t and "\x1b" not in t])
def test_what_was_made_safe_comes_back_as_it_was(text):
    (row,) = read_rows(exported(["a"], [[text]]))
    back = own_text(row.cells["a"])
    assert back == text or back.replace("\r", "\n") == text.replace("\r", "\n")
