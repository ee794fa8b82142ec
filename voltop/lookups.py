"""What the address of an admin list may ask for: the filters that the list offers, nothing else.

Django lets an address filter a list by any column of its table, shown or not and with every
lookup: "password__startswith=…" reads a hidden column letter by letter from whether rows come
back, and "name__regex=…" lets the database work for a stranger. Not here: which rows are seen
(`fleets.admin.base.scoped`) and the API's filters (`voltop.api.filters`).
"""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import NotRelationField, get_fields_from_path
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import FieldDoesNotExist
from django.db import DataError
from django.db.models import CharField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from voltop.search import phone_in

MAX_SEARCH_WORDS = 20
# What Django's own filters append to a field's name.
PLAIN = frozenset("exact in isnull isempty gt gte lt lte year month day id".split())


class OfferedLookupsMixin:
    """For a ModelAdmin: an address may use the list's filters; a value that cannot be is told."""

    def lookup_allowed(
        self: Any, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:
        """Only names of `list_filter`, the date hierarchy and the key, with plain comparisons."""
        if not super().lookup_allowed(lookup, value, request):  # type: ignore[misc]
            return False
        for name in {"id", *self._offered(request)}:
            if lookup == name or lookup.startswith(f"{name}__"):
                return PLAIN.issuperset(lookup.removeprefix(name).split("__")[1:])
        try:
            self.opts.get_field("id" if lookup == "pk" else lookup.partition("__")[0])
        except FieldDoesNotExist:
            return not lookup.startswith("pk__")  # a filter's own parameter, or to be refused later
        return False

    def _offered(self: Any, request: HttpRequest | None) -> Iterator[str]:
        entries = self.list_filter if request is None else self.get_list_filter(request)
        for entry in (*entries, self.date_hierarchy):
            name = entry[0] if isinstance(entry, (list, tuple)) else entry
            if isinstance(name, str):
                yield name

    def changelist_view(
        self: Any, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Called by what it lists; an address that asked for no such filter is told so."""
        if ERROR_FLAG in request.GET:
            messages.warning(
                request,
                _("This list has no such filter, or not with such a value: all rows are shown."),
            )
        context = {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[misc]

    def get_changelist_instance(self: Any, request: HttpRequest) -> Any:
        """A year 99999 or a NUL is a wrong parameter, not an error of the server."""
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (DataError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_search_results(
        self: Any, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A NUL stands in no text of the database: nothing is found, also by autocompletion.

        Nor by more words than anybody types: each is looked for in every column of each row.
        """
        if "\x00" in search_term or len(search_term.split()) > MAX_SEARCH_WORDS:
            return queryset.none(), False
        found = super().get_search_results  # type: ignore[misc]
        rows, doubled = found(request, queryset, search_term)
        phone = phone_in(search_term)
        if phone is None or phone == search_term:
            return rows, doubled
        more, more_doubled = found(request, queryset, phone)
        return rows | more, doubled or more_doubled

    def get_search_fields(self: Any, request: HttpRequest) -> list[str]:
        """Short texts are searched plainly: in any case, without accents."""
        names = super().get_search_fields(request)  # type: ignore[misc]
        return [f"{name}__plainly" if self._is_short_text(name) else name for name in names]

    def _is_short_text(self: Any, name: str) -> bool:
        if name[:1] in "=^@":
            return False
        try:
            return isinstance(get_fields_from_path(self.model, name)[-1], CharField)
        except (FieldDoesNotExist, NotRelationField):
            return False
