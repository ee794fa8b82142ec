"""Tables as CSV: reading row by row with row numbers, and writing that no spreadsheet executes.

Reading holds one row in memory, whatever the file's size, plain or gzipped; every cell stays text
as it stands. Not here: what columns mean, dry runs and imports with their errors (each app).
"""

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError

GZIP_MAGIC = b"\x1f\x8b"
FORMULA_STARTS = frozenset("=+-@|%")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*", re.ASCII)


class UnreadableTable(DomainError):
    """Not a table from `extra.row` on; `extra.reason` is empty, encoding, gzip, csv or columns."""

    code = "unreadable_table"
    status = 400
    message = _("The file cannot be read as a table.")


class MissingColumns(DomainError):
    """`extra.missing` are the columns that were asked for, `extra.found` those of the file."""

    code = "missing_columns"
    status = 400
    message = _("The file lacks columns.")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet shows it (the header is 1), and its cells by column.

    `problem` is empty, `cell_count` (more or fewer cells than the header; `cells` is empty) or
    `null_character`.
    """

    number: int
    cells: dict[str, str]
    problem: str = ""


def read_rows(
    source: Path | IO[bytes], *, required: Collection[str] = (), delimiter: str = ","
) -> Iterator[Row]:
    """The rows below the header of a CSV file in UTF-8, gzipped or not; empty lines are skipped.

    A bad row is a Row with a `problem` and ends nothing. Raises MissingColumns and
    UnreadableTable, the latter possibly only after many good rows.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield from _read(file, required, delimiter)
    else:
        yield from _read(source, required, delimiter)


def _read(file: IO[bytes], required: Collection[str], delimiter: str) -> Iterator[Row]:
    records = _records(file, delimiter)
    header = [name.strip() for name in next(records, (0, []))[1]]
    if not any(header):
        raise UnreadableTable(reason="empty", row=1)
    if len(set(header)) != len(header):
        raise UnreadableTable(reason="columns", row=1)
    missing = sorted(set(required) - set(header))
    if missing:
        raise MissingColumns(missing=missing, found=header)
    for number, cells in records:
        if not cells:
            continue
        if len(cells) != len(header):
            yield Row(number, {}, "cell_count")
            continue
        null = any("\0" in cell for cell in cells)
        yield Row(number, dict(zip(header, cells, strict=True)), "null_character" if null else "")


def _records(file: IO[bytes], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """All records with their numbers; whatever the decoders say becomes one named error."""
    number = 0
    try:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        plain = gzip.GzipFile(fileobj=file) if packed else file
        text = io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
        for number, record in enumerate(csv.reader(text, delimiter=delimiter, strict=True), 1):
            yield number, record
        text.detach()
    except UnicodeDecodeError:
        raise UnreadableTable(reason="encoding", row=number + 1) from None
    except csv.Error:
        raise UnreadableTable(reason="csv", row=number + 1) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UnreadableTable(reason="gzip", row=number + 1) from None


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


def _taken(buffer: io.StringIO) -> str:
    line = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return line
