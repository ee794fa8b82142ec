"""Strict filters of lists: declared one by one, typed like fields, unknown ones refused.

A FilterSet lists its filters as class attributes; each takes one value, in the same form as in a
body (instants with their offset, integers without signs of life). `ordering` and `search` go over
what the view names; `updated_since` stands on every list whose rows carry `updated_at`.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import django_filters
from django import forms
from django.db import models
from django.db.models import Q
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from voltop.api import errors
from voltop.api.fields import INT8_MAX, parse_date, parse_instant
from voltop.api.query import refuse_unknown
from voltop.errors import DomainError
from voltop.search import phone_in

if TYPE_CHECKING:
    from voltop.api.viewsets import ProviderViewSet

INTEGER = re.compile(r"-?[0-9]{1,19}")
MAX_SEARCH_CHARS, MAX_SEARCH_WORDS = 100, 5


class _ParsedField(forms.Field):
    """A form field that reads its text with one of our parsers and keeps its error code."""

    def __init__(self, *, parse: Callable[[str], Any], **kwargs: Any) -> None:
        self.parse = parse
        super().__init__(**kwargs)

    def clean(self, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return self.parse(value)
        except DomainError as error:
            raise forms.ValidationError(str(error.detail), code=error.code) from error


class _ParsedFilter(django_filters.Filter):
    field_class = _ParsedField

    def __init__(
        self, field_name: str | None = None, lookup_expr: str = "exact", **extra: Any
    ) -> None:
        super().__init__(field_name, lookup_expr, parse=self.parse, **extra)

    def parse(self, text: str) -> Any:
        raise NotImplementedError


def _integer(text: str, low: int, high: int) -> int:
    if not INTEGER.fullmatch(text):
        raise errors.InvalidNumber()
    value = int(text)
    if not low <= value <= high:
        raise errors.OutOfRange()
    return value


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": INT8_MAX})
class IdFilter(_ParsedFilter):
    """Rows that refer to an id; an unknown or foreign id simply finds nothing."""

    def parse(self, text: str) -> int:
        return _integer(text, 1, INT8_MAX)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": INT8_MAX})
class SequenceFilter(_ParsedFilter):
    """A number in an order that counts from 1; 0 comes before all."""

    def parse(self, text: str) -> int:
        return _integer(text, 0, INT8_MAX)


@extend_schema_field({"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1})
class IntegerFilter(_ParsedFilter):
    def parse(self, text: str) -> int:
        return _integer(text, -(2**31), 2**31 - 1)


@extend_schema_field({"type": "boolean"})
class BooleanFilter(_ParsedFilter):
    def parse(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise errors.BooleanExpected()
        return text == "true"


@extend_schema_field({"type": "string", "format": "date-time"})
class InstantFilter(_ParsedFilter):
    """An instant with its offset; half-open use: `…_from` with gte, `…_to` with lt."""

    def parse(self, text: str) -> Any:
        return parse_instant(text)


@extend_schema_field({"type": "string", "format": "date"})
class DateFilter(_ParsedFilter):
    def parse(self, text: str) -> Any:
        return parse_date(text)


@extend_schema_field({"type": "string", "maxLength": 200})
class TextFilter(_ParsedFilter):
    """Exact text, up to 200 characters."""

    def parse(self, text: str) -> str:
        if not text:
            raise errors.Blank()
        if len(text) > 200:
            raise errors.TooLong()
        return text


class ChoiceFilter(_ParsedFilter):
    """One choice or several, separated by commas: `status=active,suspended`."""

    def __init__(
        self, field_name: str | None = None, *, choices: type[models.TextChoices], **extra: Any
    ) -> None:
        self.values = tuple(str(value) for value in choices.values)
        super().__init__(field_name, "in", **extra)
        pattern = "|".join(self.values)
        extend_schema_field(
            {"type": "string", "pattern": f"^({pattern})(,({pattern}))*$", "maxLength": 200}
        )(self)

    def parse(self, text: str) -> list[str]:
        chosen = text.split(",")
        if len(chosen) > len(self.values) or any(item not in self.values for item in chosen):
            raise errors.InvalidChoice()
        return chosen


class FilterSet(django_filters.FilterSet):
    """The filters of one list, each declared by name; nothing is generated from a model."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if getattr(getattr(cls, "Meta", None), "fields", None):
            raise TypeError(f"{cls.__name__}: declare filters one by one, without Meta.fields")


class StrictFilterBackend(DjangoFilterBackend):
    """Applies FilterSet, search and updated_since; refuses parameters that nobody declared."""

    filterset_base = FilterSet

    def filter_queryset(
        self, request: Request, queryset: models.QuerySet, view: "ProviderViewSet"
    ) -> models.QuerySet:
        parameters = view.parameters
        refuse_unknown(parameters, known_parameters(view))
        queryset = super().filter_queryset(request, queryset, view)
        if "search" in parameters:
            queryset = queryset.filter(search_condition(parameters["search"], view.search_fields))
        if "updated_since" in parameters:
            queryset = queryset.filter(updated_at__gte=_since(parameters["updated_since"]))
        return queryset

    def get_filterset_kwargs(
        self, request: Request, queryset: models.QuerySet, view: "ProviderViewSet"
    ) -> dict[str, Any]:
        return {"data": view.parameters, "queryset": queryset, "request": request}


def known_parameters(view: "ProviderViewSet") -> set[str]:
    """Everything that a list's query string may name."""
    known = {"cursor", "page_size", "export"}
    if view.filterset_class is not None:
        known |= set(view.filterset_class.base_filters)
    if view.ordering_fields:
        known.add("ordering")
    if view.search_fields:
        known.add("search")
    if has_updated_at(view):
        known.add("updated_since")
    return known


def has_updated_at(view: "ProviderViewSet") -> bool:
    """Whether the list's rows say when they last changed."""
    model = view.queryset.model
    return any(field.name == "updated_at" for field in model._meta.concrete_fields)


def _since(text: str) -> Any:
    try:
        return parse_instant(text)
    except errors.RequestError as error:
        raise type(error)(field="updated_since") from error


def search_words(text: str) -> list[str]:
    """The words of a search; what may be a phone number is one, however it is spaced.

    At most 100 characters and 5 words, so that a search cannot be made expensive. Raises
    SearchTooLong, Blank.
    """
    words = text.split() if phone_in(text) is None else [text.strip()]
    if len(text) > MAX_SEARCH_CHARS or len(words) > MAX_SEARCH_WORDS:
        raise errors.SearchTooLong(field="search")
    if not words:
        raise errors.Blank(field="search")
    return words


def search_condition(text: str, fields: tuple[str, ...]) -> Q:
    """Every word stands somewhere in one of the fields, in any case. Raises SearchTooLong, Blank.

    Accents do not matter.
    """
    phone = phone_in(text)
    condition = Q()
    for word in search_words(text):
        either = Q()
        for field in fields:
            either |= Q(**{f"{field}__plainly": word})
            if phone is not None:
                either |= Q(**{f"{field}__contains": phone})
        condition &= either
    return condition
