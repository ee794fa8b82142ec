"""Rows of CSV and XLSX files, one at a time, with the numbers that a spreadsheet shows."""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from voltop.tabular.errors import (
    DoubledColumns,
    EmptyTable,
    MissingColumns,
    TableTooLarge,
    UnreadableTable,
    WrongDelimiter,
    WrongEncoding,
)
from voltop.tabular.workbooks import read_sheet

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
DELIMITERS = (",", ";", "\t", "|")
MAX_RECORD_CHARS = 1_000_000
MAX_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet shows it (the header is 1), and its cells by column.

    `problem` is empty, `cell_count` (more or fewer cells than the header; `cells` is empty) or
    `null_character`.
    """

    number: int
    cells: dict[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is taken: bytes of text once unpacked, and rows; None: any number."""

    text_bytes: int | None = None
    rows: int | None = None


ANY = Limits()


def read_rows(
    source: Path | IO[bytes],
    *,
    required: Collection[str] = (),
    delimiter: str = ",",
    limits: Limits = ANY,
) -> Iterator[Row]:
    """The rows below the header of a CSV file in UTF-8 (gzipped or not) or of a workbook's first
    sheet; empty lines are skipped.

    A bad row is a Row with a `problem` and ends nothing. Raises, all of status 400 or 413:
    EmptyTable, WrongEncoding, WrongDelimiter, DoubledColumns, MissingColumns, TableTooLarge and
    UnreadableTable, some possibly only after many good rows.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield from _read(file, required, delimiter, limits)
    else:
        yield from _read(source, required, delimiter, limits)


def read_header(source: IO[bytes], *, delimiter: str = ",", limits: Limits = ANY) -> list[str]:
    """The names of the columns. Raises what `read_rows` raises of the first row."""
    records = _records(source, delimiter, limits)
    return _header(records, delimiter)


def _read(
    file: IO[bytes], required: Collection[str], delimiter: str, limits: Limits
) -> Iterator[Row]:
    records = _records(file, delimiter, limits)
    header = _header(records, delimiter)
    missing = sorted(set(required) - set(header))
    if missing:
        raise MissingColumns(missing=missing, found=header)
    read = 0
    for number, cells in records:
        if not cells:
            continue
        read += 1
        if limits.rows is not None and read > limits.rows:
            raise TableTooLarge(limit="rows", most=limits.rows)
        if len(cells) != len(header):
            yield Row(number, {}, "cell_count")
            continue
        null = any("\0" in cell for cell in cells)
        yield Row(number, dict(zip(header, cells, strict=True)), "null_character" if null else "")


def _header(records: Iterator[tuple[int, list[str]]], delimiter: str) -> list[str]:
    header = [name.strip() for name in next(records, (0, []))[1]]
    if not any(header):
        raise EmptyTable()
    if len(header) > MAX_COLUMNS:
        raise TableTooLarge(limit="columns", most=MAX_COLUMNS)
    others = [other for other in DELIMITERS if other != delimiter and other in header[0]]
    if len(header) == 1 and others:
        raise WrongDelimiter(found=others[0], expected=delimiter)
    doubled = sorted(name for name, count in Counter(header).items() if count > 1)
    if doubled:
        raise DoubledColumns(columns=doubled)
    return header


def _records(file: IO[bytes], delimiter: str, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    """All records with their numbers; whatever the decoders say becomes one named error."""
    magic = file.read(2)
    file.seek(0)
    if magic == ZIP_MAGIC:
        yield from read_sheet(file, max_columns=MAX_COLUMNS, max_rows=limits.rows)
        return
    number = 0
    try:
        plain = gzip.GzipFile(fileobj=file) if magic == GZIP_MAGIC else file
        text = io.TextIOWrapper(plain, encoding="utf-8-sig", newline="")
        lines = _Lines(text, limits.text_bytes)
        for number, record in enumerate(csv.reader(lines, delimiter=delimiter, strict=True), 1):
            lines.of_record = 0
            yield number, record
        text.detach()
    except UnicodeDecodeError:
        raise WrongEncoding(row=number + 1) from None
    except csv.Error:
        raise UnreadableTable(reason="csv", row=number + 1) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UnreadableTable(reason="gzip", row=number + 1) from None


class _Lines:
    """The lines of a text, neither of them nor of a record nor in all more than is taken."""

    def __init__(self, text: io.TextIOWrapper, max_chars: int | None) -> None:
        self.text, self.max_chars = text, max_chars
        self.of_record = self.of_all = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.text.readline(MAX_RECORD_CHARS + 1)
        if not line:
            raise StopIteration
        self.of_record += len(line)
        self.of_all += len(line)
        if self.of_record > MAX_RECORD_CHARS:
            raise TableTooLarge(limit="row", most=MAX_RECORD_CHARS)
        if self.max_chars is not None and self.of_all > self.max_chars:
            raise TableTooLarge(limit="bytes", most=self.max_chars)
        return line
