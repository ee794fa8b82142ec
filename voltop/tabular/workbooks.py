"""XLSX: the first sheet of a workbook, row by row, bounded before anything is unpacked.

A few kilobytes of ZIP can hold gigabytes of XML, one row can hold millions of cells, and a sheet
can say that it begins in row 1,048,576. So the sizes that the ZIP states (to which `zipfile` holds
it) and the elements of each row are counted first.
"""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from voltop.tabular.errors import TableTooLarge, UnreadableTable

MAX_UNPACKED_BYTES = 60_000_000
MAX_PART_BYTES = 2_000_000
"""Of a part that is neither a sheet nor the table of texts: such are read as a whole."""
MAX_PARTS = 500
MAX_ROWS = 200_000
MAX_ELEMENTS = 20_000
"""In one row, or in one text of several formats."""
BLOCK = 1 << 16
LARGE_PARTS = re.compile(r"xl/(worksheets/[^/]+|sharedStrings)\.xml", re.IGNORECASE)
RECORD = re.compile(rb"<(?:[A-Za-z0-9_]+:)?(?:row|si)[\s>/]")
FORMULA = "="
"""What stands for a cell whose value is computed or an error."""

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, ParseError, EOFError, NotImplementedError, RuntimeError),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
"""openpyxl meets what is no workbook with whatever its code runs into."""


def read_sheet(
    file: IO[bytes], *, max_columns: int, max_rows: int | None
) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet with their numbers, each as wide as the first; cells as text.

    Dates come as ISO, whole numbers without a point, formulas as "="; rows without a value have no
    cells. Raises TableTooLarge (413), UnreadableTable (400).
    """
    number = 0
    try:
        _require_bounded(file)
        width = 0
        for number, cells in enumerate(_cells(file, max_columns, max_rows or MAX_ROWS), 1):
            if number == 1:
                width = len(cells)
            if cells and len(cells) < width:
                cells += [""] * (width - len(cells))
            yield number, cells
    except (TableTooLarge, UnreadableTable):
        raise
    except BROKEN:
        raise UnreadableTable(reason="workbook", row=number + 1) from None


def _cells(file: IO[bytes], max_columns: int, max_rows: int) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # half a second that only workbooks need

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and the like, which no row has
        workbook = load_workbook(file, read_only=True, data_only=False, keep_links=False)
    try:
        sheet: Any = workbook.worksheets[0]
        rows = sheet.iter_rows(min_row=1, max_row=max_rows + 2, max_col=max_columns + 1)
        for row in rows:
            cells = [_text(cell) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            yield cells
    finally:
        workbook.close()


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type in ("f", "e"):
        return FORMULA
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e18:
            return str(int(value))
        case datetime():
            return (value.date() if value.time() == time() else value).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return str(value)


def _require_bounded(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS:
            raise TableTooLarge(limit="parts", most=MAX_PARTS)
        if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise TableTooLarge(limit="bytes", most=MAX_UNPACKED_BYTES)
        for part in parts:
            if LARGE_PARTS.fullmatch(part.filename):
                with archive.open(part) as stream:
                    _require_small_records(stream)
            elif part.file_size > MAX_PART_BYTES:
                raise TableTooLarge(limit="bytes", most=MAX_PART_BYTES)
    file.seek(0)


def _require_small_records(stream: IO[bytes]) -> None:
    """Refuse a row, or a text, of more elements than any that people make."""
    elements, tail = 0, b""
    while block := stream.read(BLOCK):
        block = tail + block
        last = block.rfind(b"<")
        block, tail = (block[:last], block[last:]) if last > 0 else (block, b"")
        begun = 0
        for match in RECORD.finditer(block):
            _require_few(elements + block.count(b"<", begun, match.start()))
            elements, begun = 0, match.start()
        elements += block.count(b"<", begun)
        _require_few(elements)


def _require_few(elements: int) -> None:
    if elements > MAX_ELEMENTS:
        raise TableTooLarge(limit="row", most=MAX_ELEMENTS)
