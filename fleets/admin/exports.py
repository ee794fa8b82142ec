"""Export as CSV or XLSX: an action of every list of the admin, for whoever sees the rows.

The columns are the list's own, so what is masked there is masked here.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy as _

from fleets.models import User
from voltop.errors import DomainError
from voltop.exports import PAGE_ROWS, file_response

Exporting = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponseBase | None]


def _exporting(form: str) -> Exporting:
    def action(
        model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseBase | None:
        user = request.user
        if not isinstance(user, User):
            raise RuntimeError("the admin was reached without a user")
        names = [n for n in model_admin.get_list_display(request) if n != "action_checkbox"]
        labels = [label_for_field(name, model_admin.model, model_admin) for name in names]
        try:
            return file_response(
                request,
                form,
                name=model_admin.opts.model_name,
                header=[str(label) for label in labels],
                rows=_rows(model_admin, queryset, names),
                actor=user.actor(),
                filters={n: "" if n == "q" else str(text) for n, text in request.GET.items()},
            )
        except DomainError as error:
            messages.error(request, str(error.detail))
            return None  # back to the list

    action.__name__ = f"export_{form}"
    return action


EXPORTS: dict[str, tuple[Exporting, Any]] = {
    "export_csv": (_exporting("csv"), _("Export as CSV")),
    "export_xlsx": (_exporting("xlsx"), _("Export as XLSX")),
}


def _rows(model_admin: Any, queryset: QuerySet[Any], names: Sequence[Any]) -> Iterator[list[Any]]:
    related = model_admin.list_select_related
    if isinstance(related, list | tuple) and related:
        queryset = queryset.select_related(*related)
    queryset = queryset.order_by("pk")
    page = list(queryset[:PAGE_ROWS])
    while page:
        for row in page:
            yield [_cell(name, row, model_admin) for name in names]
        if len(page) < PAGE_ROWS:
            return
        page = list(queryset.filter(pk__gt=page[-1].pk)[:PAGE_ROWS])


def _cell(name: Any, row: models.Model, model_admin: Any) -> Any:
    """What the list shows there, as text or number."""
    try:
        field, _attr, value = lookup_field(name, row, model_admin)
    except ObjectDoesNotExist:
        return None
    if field is not None and getattr(field, "choices", None):
        value = getattr(row, f"get_{field.name}_display")()
    if isinstance(value, tuple):  # a label: its state and its words
        value = value[-1]
    if hasattr(value, "__html__"):
        return strip_tags(value)
    if isinstance(value, Promise | models.Model | list | dict):
        return str(value)
    return value
