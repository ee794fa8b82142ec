"""Keyset pagination: a page begins after the last row of the one before, however deep it is.

No page numbers and no counts. The cursor carries the ordering and the last row's values, signed,
so that nobody can craft one; it also carries `next_since`, fixed when the first page was read.
Not here: page numbers, which only the admin has.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from voltop.api import errors
from voltop.api.fields import format_instant, parse_instant

if TYPE_CHECKING:
    from voltop.api.viewsets import ProviderViewSet

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
_PAGE_SIZE = re.compile(r"[0-9]{1,3}")
_SIGNATURE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an ordering."""

    name: str
    field: models.Field
    descending: bool

    def __str__(self) -> str:
        return f"-{self.name}" if self.descending else self.name


def resolve_ordering(model: type[models.Model], names: Sequence[str]) -> tuple[Key, ...]:
    """The columns of an ordering, with the primary key as the tie-break in the last direction.

    Only columns of the model itself: raises ImproperlyConfigured for anything else.
    """
    keys = [_key(model, name) for name in names]
    if not any(key.field.primary_key for key in keys):
        descending = bool(keys) and keys[-1].descending
        keys.append(Key(model._meta.pk.name, model._meta.pk, descending))
    return tuple(keys)


def _key(model: type[models.Model], name: str) -> Key:
    column = name.removeprefix("-")
    column = model._meta.pk.name if column == "pk" else column
    try:
        field = model._meta.get_field(column)
    except FieldDoesNotExist as error:
        raise ImproperlyConfigured(f"{model.__name__} cannot be ordered by {name}") from error
    if not isinstance(field, models.Field):
        raise ImproperlyConfigured(f"{model.__name__} cannot be ordered by {name}")
    return Key(column, field, name.startswith("-"))


def after(keys: tuple[Key, ...], values: list[Any]) -> Any:
    """The condition "comes after these values"; nulls are last upwards and first downwards.

    Where all columns go one way and none may be null it is one row comparison, which an index on
    the columns answers at once.
    """
    directions = {key.descending for key in keys}
    if len(directions) == 1 and not any(key.field.null for key in keys):
        comparison = TupleLessThan if directions.pop() else TupleGreaterThan
        return comparison(tuple(F(key.name) for key in keys), tuple(values))
    condition = Q(pk__in=())
    equal = Q()
    for key, value in zip(keys, values, strict=True):
        beyond = _beyond(key, value)
        if beyond is not None:
            condition |= equal & beyond
        equal &= Q(**{f"{key.name}__isnull": True}) if value is None else Q(**{key.name: value})
    return condition


def _beyond(key: Key, value: Any) -> Q | None:
    if value is None:
        return Q(**{f"{key.name}__isnull": False}) if key.descending else None
    beyond = Q(**{f"{key.name}__{'lt' if key.descending else 'gt'}": value})
    if key.field.null and not key.descending:
        beyond |= Q(**{f"{key.name}__isnull": True})
    return beyond


def encode_cursor(ordering: str, values: Sequence[Any], since: str | None) -> str:
    """An opaque, signed position."""
    payload = json.dumps([ordering, [_plain(v) for v in values], since]).encode()
    return base64.urlsafe_b64encode(_sign(payload) + payload).decode().rstrip("=")


def decode_cursor(text: str) -> tuple[str, list[Any], str | None]:
    """What `encode_cursor` was given, values as plain JSON. Raises BadCursor."""
    if not 16 < len(text) < 2000 or not text.isascii():
        raise errors.BadCursor(field="cursor")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.BadCursor(field="cursor") from error
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not constant_time_compare(signature, _sign(payload)):
        raise errors.BadCursor(field="cursor")
    ordering, values, since = json.loads(payload)
    return ordering, values, since


def _sign(payload: bytes) -> bytes:
    return salted_hmac("voltop.api.cursor", payload, algorithm="sha256").digest()[:_SIGNATURE_BYTES]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (int, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


class KeysetPagination(BasePagination):
    """`{"next": cursor or null, "results": […]}`, and `next_since` on lists asked `updated_since`.

    Parameters: `cursor`, `page_size` (1 to 200), `ordering` (one of the view's `ordering_fields`,
    with "-" for downwards).
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        parameters: dict[str, str] = view.parameters
        size = page_size(parameters)
        keys = resolve_ordering(queryset.model, chosen_ordering(parameters, view))
        ordering = ",".join(map(str, keys))
        self.since = open_since() if "updated_since" in parameters else None
        queryset = queryset.order_by(*map(str, keys))
        if "cursor" in parameters:
            given, values, since = decode_cursor(parameters["cursor"])
            if given != ordering:
                raise errors.BadCursor(field="cursor")
            self.since = parse_instant(since) if since else None
            queryset = queryset.filter(after(keys, _typed(keys, values)))
        rows = list(queryset[: size + 1])
        self.next = self._next(rows, size, keys, ordering)
        return rows[:size]

    def _next(self, rows: list[Any], size: int, keys: tuple[Key, ...], ordering: str) -> str | None:
        if len(rows) <= size:
            return None
        last = rows[size - 1]
        values = [getattr(last, key.field.attname) for key in keys]
        return encode_cursor(ordering, values, format_instant(self.since) if self.since else None)

    def get_paginated_response(self, data: Any) -> Response:
        page = {"next": self.next, "results": data}
        if self.since is not None:
            page["next_since"] = format_instant(self.since)
        return Response(page)

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        if not isinstance(schema, dict):  # a place holder: the example of a row becomes a page's
            return {"properties": {"next": {"example": None}, "results": schema}}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "maxLength": 2000,
                    "description": "Cursor of the next page; null on the last one.",
                },
                "results": {**schema, "maxItems": MAX_PAGE_SIZE},
                "next_since": {
                    "type": "string",
                    "format": "date-time",
                    "description": "What to send as updated_since next time.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "The `next` of the page before.",
                "schema": {"type": "string", "maxLength": 2000},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "Rows per page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_PAGE_SIZE,
                    "default": DEFAULT_PAGE_SIZE,
                },
            },
        ]


def page_size(parameters: dict[str, str]) -> int:
    """The size asked for, 1 to 200. Raises LimitOutOfRange."""
    text = parameters.get("page_size", str(DEFAULT_PAGE_SIZE))
    if not _PAGE_SIZE.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise errors.LimitOutOfRange(field="page_size")
    return int(text)


def chosen_ordering(parameters: dict[str, str], view: "ProviderViewSet") -> tuple[str, ...]:
    """The ordering asked for, or the view's own. Raises UnknownOrdering."""
    if "ordering" not in parameters:
        return tuple(view.ordering)
    name = parameters["ordering"]
    if name.removeprefix("-") not in view.ordering_fields:
        raise errors.UnknownOrdering(field="ordering", allowed=list(view.ordering_fields))
    return (name,)


def _typed(keys: tuple[Key, ...], values: list[Any]) -> list[Any]:
    if len(values) != len(keys):
        raise errors.BadCursor(field="cursor")
    try:
        return [
            None
            if v is None
            else k.field.target_field.to_python(v)
            if isinstance(k.field, models.ForeignKey)
            else k.field.to_python(v)
            for k, v in zip(keys, values, strict=True)
        ]
    except DjangoValidationError as error:
        raise errors.BadCursor(field="cursor") from error


def open_since() -> datetime:
    """The instant from which on changes may still be unseen: read it before the rows.

    A row's `updated_at` is the start of the transaction that wrote it, so a transaction still open
    now will later show rows dated back to its start. Hence: the start of the oldest other
    transaction open in this database, or now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least(clock_timestamp(), min(xact_start)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
            " AND pid <> pg_backend_pid()"
        )
        row = cursor.fetchone()
    oldest: datetime = row[0]
    return oldest
