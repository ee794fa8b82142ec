"""`?export=csv` and `?export=xlsx` on every list: all rows that the list shows, as a file.

The same filters, scope, permission and serializer as the list's pages; read page by page, so in
bounded memory. A nested object is a column for each of its fields, money is its amount and its
currency, everything else that is no scalar stands as JSON.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.http import StreamingHttpResponse
from rest_framework import serializers

from voltop.api import errors
from voltop.api.fields import MoneyField, StrictDecimalField
from voltop.api.pagination import after, chosen_ordering, resolve_ordering
from voltop.exports import FORMS, PAGE_ROWS, file_response

if TYPE_CHECKING:
    from voltop.api.viewsets import ProviderViewSet

PARAMETER = "export"
PAGING = ("cursor", "page_size")
NEVER_NOTED = ("search",)
"""Parameters whose value may be somebody's name: that they were used is noted."""


@dataclass(frozen=True)
class ExportColumn:
    """One column: its name, where its value stands in a shown row, whether it is a number."""

    name: str
    path: tuple[str, ...]
    number: bool = False

    def cell(self, shown: Any) -> Any:
        value = shown
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, dict | list | tuple):
            if not value:
                return None
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        if self.number and isinstance(value, str):
            return Decimal(value)
        return value


def export_list(view: "ProviderViewSet", rows: models.QuerySet) -> StreamingHttpResponse:
    """The rows, filtered already, as the file asked for.

    Raises InvalidChoice for another form, UnknownParameter for a page's parameters beside it,
    ExportTooLarge (400), TooManyExports (429).
    """
    form = view.parameters[PARAMETER]
    if form not in FORMS:
        raise errors.InvalidChoice(field=PARAMETER)
    for name in PAGING:
        if name in view.parameters:
            raise errors.UnknownParameter(field=name)
    columns = columns_of(view.get_serializer())
    asked = {name: text for name, text in view.parameters.items() if name != PARAMETER}
    return file_response(
        view.request._request,
        form,
        name=str(getattr(view, "basename", "") or rows.model._meta.model_name),
        header=[column.name for column in columns],
        rows=_cells(view, rows, columns),
        actor=view.actor,
        filters=asked | {name: "" for name in NEVER_NOTED if name in asked},
    )


def columns_of(serializer: Any, path: tuple[str, ...] = ()) -> list[ExportColumn]:
    """The columns of what a serializer shows, in its order."""
    found: list[ExportColumn] = []
    for name, field in serializer.fields.items():
        here = (*path, name)
        called = ".".join(here)
        if field.write_only:
            continue
        if isinstance(field, MoneyField):
            found.append(ExportColumn(f"{called}.amount", (*here, "amount"), number=True))
            found.append(ExportColumn(f"{called}.currency", (*here, "currency")))
        elif isinstance(field, serializers.Serializer):
            found += columns_of(field, here)
        else:
            number = isinstance(field, StrictDecimalField)
            found.append(ExportColumn(called, here, number=number))
    return found


def _cells(
    view: "ProviderViewSet", rows: models.QuerySet, columns: Sequence[ExportColumn]
) -> Iterator[list[Any]]:
    for page in _pages(view, rows):
        for shown in view.get_serializer(page, many=True).data:
            yield [column.cell(shown) for column in columns]


def _pages(view: "ProviderViewSet", rows: models.QuerySet) -> Iterator[list[Any]]:
    """All rows in the list's order, each page after the last row of the one before."""
    keys = resolve_ordering(rows.model, chosen_ordering(view.parameters, view))
    rows = rows.order_by(*map(str, keys))
    page = list(rows[:PAGE_ROWS])
    while page:
        yield page
        if len(page) < PAGE_ROWS:
            return
        values = [getattr(page[-1], key.field.attname) for key in keys]
        page = list(rows.filter(after(keys, values))[:PAGE_ROWS])
