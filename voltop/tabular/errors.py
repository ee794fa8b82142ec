"""What can be wrong with a file of rows; each message says what to do about it."""

from django.utils.translation import gettext_lazy as _

from voltop.errors import DomainError


class UnreadableTable(DomainError):
    """Broken from `extra.row` on; `extra.reason` is csv (quotes), gzip or workbook."""

    code = "unreadable_table"
    status = 400
    message = _("The file is damaged, or no CSV or XLSX file: save or export it again.")


class EmptyTable(DomainError):
    code = "empty_table"
    status = 400
    message = _("There are no rows: the first row names the columns, each further row is a record.")


class WrongEncoding(DomainError):
    """`extra.row` is the first row that cannot be read."""

    code = "wrong_encoding"
    status = 400
    message = _('The file is not UTF-8: save it as "CSV UTF-8", or as XLSX.')


class WrongDelimiter(DomainError):
    """`extra.found` is what seems to separate the columns, `extra.expected` what was asked for."""

    code = "wrong_delimiter"
    status = 400
    message = _("Another character separates the columns: name it as the delimiter, or send XLSX.")


class DoubledColumns(DomainError):
    """`extra.columns` are the names that stand in several columns."""

    code = "doubled_columns"
    status = 400
    message = _("Several columns have the same name: keep one of each.")


class MissingColumns(DomainError):
    """`extra.missing` are the columns that were asked for, `extra.found` those of the file."""

    code = "missing_columns"
    status = 400
    message = _("The file lacks columns: add them to its first row.")


class TableTooLarge(DomainError):
    """`extra.limit` says of what there is too much (bytes, rows, columns, row), `extra.most`
    how much is taken."""

    code = "table_too_large"
    status = 413
    message = _("The file is too large: split it into several.")


class UnknownColumns(DomainError):
    """`extra.unknown` are columns that mean nothing here, `extra.known` those that do."""

    code = "unknown_columns"
    status = 400
    message = _("The file has columns that mean nothing here: rename or remove them.")


class UnevenRow(DomainError):
    """Told of a row, not of a request."""

    code = "uneven_row"
    status = 400
    message = _("The row has more or fewer cells than the first row: check delimiters and quotes.")


class FormulaInCell(DomainError):
    """Told of a cell, not of a request."""

    code = "formula_in_cell"
    status = 400
    message = _("The cell holds a formula or an error: put the value itself there.")
