"""Rows of a list as a file, streamed: CSV, or XLSX written to a temporary file first.

For the API's lists (`voltop.api.exports`) and the admin's. A file leaves only after `list_exported`
was told, so that whoever keeps the audit trail can note it. Not here: what stands in a cell
(`voltop.tabular`), which rows these are.
"""

import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import chain
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from voltop import clock, registry
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.signals import list_exported
from voltop.tabular import csv_lines, write_workbook

FORMS = ("csv", "xlsx")
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PAGE_ROWS = 500
MAX_WORKBOOK_ROWS = 100_000
BLOCK = 1 << 16

Rows = Iterable[Sequence[Any]]


class ExportTooLarge(DomainError):
    """`extra.most` is how many rows a workbook takes."""

    code = "export_too_large"
    status = 400
    message = _("The list is too long for a workbook: narrow it by filters, or take CSV.")


class TooManyExports(DomainError):
    """Thirty files in ten minutes, per person or API client and company; Retry-After says when."""

    code = "too_many_exports"
    status = 429
    message = _("Too many files at once: wait a little, then export on.")


def file_response(
    request: HttpRequest,
    form: str,
    *,
    name: str,
    header: Sequence[str],
    rows: Rows,
    actor: Actor,
    filters: dict[str, str],
) -> StreamingHttpResponse:
    """The rows as a file to be saved; `name` is the list's, `filters` what narrowed it.

    Raises ExportTooLarge (400) for a workbook of too many rows, before anything has left, and
    what a gate refuses with (TooManyExports, 429). The first rows of a CSV are read at once too;
    the rest as it leaves.
    """
    let_out(actor, name, form, filters)
    parts = _encoded(header, rows) if form == "csv" else _blocks(_workbook(name, header, rows))
    first = next(parts, b"")  # what fails at once is answered as any other request
    parts = chain([first], parts)
    response = StreamingHttpResponse(
        _awaited(parts) if isinstance(request, ASGIRequest) else parts,
        content_type=CONTENT_TYPES[form],
    )
    _to_be_saved(response, name, form)
    return response


def let_out(actor: Actor, name: str, form: str, filters: dict[str, str]) -> None:
    """Ask the gates, then tell that rows or a document leave. Raises TooManyExports (429)."""
    for gate in registry.collect(registry.EXPORT_GATES).values():
        if (refusal := gate(actor, clock.now())) is not None:
            raise refusal
    with transaction.atomic():
        list_exported.send(sender=None, actor=actor, name=name, form=form, filters=filters)


def document_response(
    content: bytes,
    form: str,
    *,
    name: str,
    content_type: str,
    actor: Actor,
    filters: dict[str, str],
) -> HttpResponse:
    """A document that is made already, as a file to be saved."""
    let_out(actor, name, form, filters)
    response = HttpResponse(content, content_type=content_type)
    _to_be_saved(response, name, form)
    return response


def _to_be_saved(response: HttpResponseBase, name: str, form: str) -> None:
    saved_as = f"{name}-{clock.now():%Y-%m-%d}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{saved_as}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"


def _encoded(header: Sequence[str], rows: Rows) -> Iterator[bytes]:
    """CSV in pieces of about one page."""
    waiting: list[str] = []
    for line in csv_lines(header, rows):
        waiting.append(line)
        if len(waiting) >= PAGE_ROWS:
            yield "".join(waiting).encode()
            waiting = []
    yield "".join(waiting).encode()


def _workbook(name: str, header: Sequence[str], rows: Rows) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the response reads and closes it)
    try:
        write_workbook(file, name, header, _bounded(rows))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _bounded(rows: Rows) -> Iterator[Sequence[Any]]:
    for number, row in enumerate(rows, 1):
        if number > MAX_WORKBOOK_ROWS:
            raise ExportTooLarge(most=MAX_WORKBOOK_ROWS)
        yield row


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


async def _awaited(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts one by one where the server is asynchronous: Django would collect them all."""
    step = sync_to_async(lambda: next(parts, None))
    while (part := await step()) is not None:
        yield part
