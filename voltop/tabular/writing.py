"""Rows as CSV and XLSX for people's spreadsheets: numbers as numbers, text that is never run."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from typing import IO, Any

FORMULA_STARTS = frozenset("=+-@|%")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*", re.ASCII)
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV export, for a streaming response: numbers as numbers, text as text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in chain([header], rows):
        writer.writerow(map(cell_text, row))
        yield _taken(buffer)


def cell_text(value: Any) -> str:
    """How a value stands in a cell: null is empty, instants are UTC, text cannot be a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case _:
            return formula_safe(str(value))


def formula_safe(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet could take it for a formula.

    That is text whose first visible character is one of = + - @ | % in any width, or that begins
    with a control character. Plain numbers stay as they are.
    """
    if not text or _NUMBER.fullmatch(text):
        return text
    first = next((c for c in text if unicodedata.category(c) not in ("Zs", "Cc", "Cf")), "")
    starts = unicodedata.normalize("NFKC", first)[:1]
    if (starts and starts in FORMULA_STARTS) or unicodedata.category(text[0]) == "Cc":
        return f"'{text}"
    return text


def own_text(text: str) -> str:
    """What a cell of our own export says: without the apostrophe that kept it from being run."""
    return text[1:] if text[:1] == "'" and formula_safe(text[1:]) == text else text


def write_workbook(
    file: IO[bytes], title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write an XLSX file of one sheet: cells as `cell_text` has them, numbers as numbers.

    Characters that XML cannot hold are left away.
    """
    from openpyxl import Workbook  # half a second that only workbooks need
    from openpyxl.cell import WriteOnlyCell

    workbook = Workbook(write_only=True)
    sheet: Any = workbook.create_sheet(title[:31])
    try:
        for row in chain([header], rows):
            sheet.append([_workbook_cell(WriteOnlyCell(sheet), value) for value in row])
    except BaseException:
        sheet.close()
        sheet._writer.cleanup()  # the file of rows beside the one that will not be
        raise
    workbook.save(file)


def _workbook_cell(cell: Any, value: Any) -> Any:
    """Numbers and nothing as they are, all else as text that stays text."""
    if value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool)):
        return value
    cell.value = _NOT_IN_XML.sub("", cell_text(value))[:32_767]
    cell.data_type = "s"
    return cell


def _taken(buffer: io.StringIO) -> str:
    line = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return line
