"""Tables as CSV and XLSX: read row by row with row numbers, written so that nothing is executed.

Reading holds one row in memory, whatever the size of a CSV file, plain or gzipped; a workbook is
bounded before it is unpacked. Every cell stays text as it stands. Not here: what columns mean, dry
runs and imports with their errors (each app).
"""

from voltop.tabular.errors import (
    DoubledColumns,
    EmptyTable,
    FormulaInCell,
    MissingColumns,
    TableTooLarge,
    UnevenRow,
    UnknownColumns,
    UnreadableTable,
    WrongDelimiter,
    WrongEncoding,
)
from voltop.tabular.reading import DELIMITERS, Limits, Row, read_header, read_rows
from voltop.tabular.writing import cell_text, csv_lines, formula_safe, own_text, write_workbook

__all__ = [
    "DELIMITERS",
    "DoubledColumns",
    "EmptyTable",
    "FormulaInCell",
    "Limits",
    "MissingColumns",
    "Row",
    "TableTooLarge",
    "UnevenRow",
    "UnknownColumns",
    "UnreadableTable",
    "WrongDelimiter",
    "WrongEncoding",
    "cell_text",
    "csv_lines",
    "formula_safe",
    "own_text",
    "read_header",
    "read_rows",
    "write_workbook",
]
