"""How values stand on the admin's pages: names for "user:17", money with its cents, hours, codes.

Columns keep what machines need. For those that a person would stumble over, lists and read-only
lines show a worded form; everything else is left to Django.
"""

import json
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleets.admin.lines import hours_as_lines
from fleets.models import FleetProvider, User
from voltop.money import shown as shown_amount
from voltop.words import in_words, moment

REMEMBERED_S = 30
NOTHING = "–"
ACTOR_FIELDS = {
    "actor",
    "on_behalf_of",
    "created_by",
    "changed_by",
    "approved_by",
    "proposed_by",
    "requested_by",
    "decided_by",
    "accepted_by",
}
RECORD_FIELDS = ("provider", "provider_id", "uuid", "created_at", "updated_at", "row_version")
"""What a page that shows a whole row tells last."""


# --- Single values -------------------------------------------------------------------------------
def name_of(actor: str) -> str:
    """The person's name; what acts by itself is called Voltop, with the job in brackets."""
    kind, _colon, key = actor.partition(":")
    if kind == "user" and key.isdigit():
        return _person(int(key), int(time.monotonic() // REMEMBERED_S)) or actor
    if kind == "system":
        return _("Voltop (%(job)s)") % {"job": key} if key else "Voltop"
    return actor


@lru_cache(maxsize=1024)
def _person(pk: int, _while: int) -> str:
    person = User.objects.filter(pk=pk).first()
    return str(person) if person is not None else ""


def money(amount: Decimal, currency: str) -> str:
    """With the currency's decimals and thousands apart, e.g. 3,002.51."""
    return shown_amount(amount, currency, grouped=True)


def duration(seconds: int) -> str:
    """Hours and minutes, e.g. 8 h 05 min."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def days(starts_on: date, ends_on: date) -> str:
    """The first and the last day of [starts_on, ends_on), e.g. 2 Mar 2026 – 8 Mar 2026."""
    first, last = starts_on, ends_on - timedelta(days=1)
    return date_format(first) if first == last else f"{date_format(first)} – {date_format(last)}"


def codes(value: Any) -> str:
    """A list of codes, plain or as objects with a code, in words."""
    found = [str(item["code"] if isinstance(item, dict) else item) for item in value]
    return ", ".join(code.replace("_", " ") for code in found) or NOTHING


def plain_number(number: Decimal) -> str:
    """Without the zeros that only fill up the column."""
    return f"{number.normalize():f}" if number else "0"


def _amount(value: Decimal, row: Any) -> str:
    """With the currency where the row has none beside it: then it is the company's."""
    if hasattr(row, "currency"):
        return money(value, row.currency)
    currency = _company(getattr(row, "provider_id", None) or 0, _now())[1]
    return f"{money(value, currency)} {currency}".strip()


def company_of(pk: int) -> str:
    """A company's name by its key."""
    return _company(pk, _now())[0] or str(pk)


@lru_cache(maxsize=256)
def _company(pk: int, _while: int) -> tuple[str, str]:
    found = FleetProvider.objects.filter(pk=pk).values_list("name", "currency").first()
    return found or ("", "")


def _now() -> int:
    return int(time.monotonic() // REMEMBERED_S)


def kind_of(label: str) -> str:
    """What people call a model: "booking" for "reservations.reservation"."""
    try:
        return str(apps.get_model(label)._meta.verbose_name)
    except (LookupError, ValueError):
        return label


def spaced(code: str) -> str:
    """A code in words: "in service" for "in_service"."""
    return code.replace("_", " ")


def action_in_words(action: str) -> str:
    """ "payout account: set" for "payout_account.set"."""
    return ": ".join(spaced(part) for part in action.split("."))


def values_in_words(values: Any) -> str:
    """ "rate: 50.00; unit: s" for the values that a rule was given."""
    if not isinstance(values, dict):
        return str(values)
    told = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
    }
    return "; ".join(f"{in_words(name)}: {text}" for name, text in told.items())


WORDINGS: dict[str, tuple[str, Callable[[Any, Any], str]]] = {
    "from_state": ("from_state", lambda value, row: spaced(value)),
    "to_state": ("to_state", lambda value, row: spaced(value)),
    "object_type": ("object", lambda value, row: kind_of(value)),
    "provider_id": ("company", lambda value, row: company_of(value)),
    "opening_hours": ("opening_hours", lambda value, row: "; ".join(hours_as_lines(value))),
    "params": ("params", lambda value, row: values_in_words(value)),
    "action": ("action", lambda value, row: action_in_words(value)),
    "week_starts_on": ("week_starts_on", lambda value, row: str(WEEKDAYS[value])),
    "week_starts_hour": ("week_starts_hour", lambda value, row: f"{value:02d}:00"),
    "hits": ("hits", lambda value, row: ", ".join(moment(at) for at in value)),
    "last_errors": (
        "last_errors",
        lambda value, row: ", ".join(f"{spaced(code)}: {n}" for code, n in value.items()),
    ),
}
"""Columns of any model by name: the name to show and the words for `(value, row)`."""


# --- Fields --------------------------------------------------------------------------------------
def _wording(field: "models.Field[Any, Any]") -> tuple[str, Callable[[Any, Any], str]] | None:
    """The name to show and how to word `(value, row)`; None leaves the field to Django."""
    name = field.name
    if name in ACTOR_FIELDS:
        return name, lambda value, row: name_of(value)
    if name in WORDINGS:
        return WORDINGS[name]
    if isinstance(field, models.DecimalField):
        return _wording_of_decimal(name, field.decimal_places or 0)
    if isinstance(field, models.IntegerField) and name.endswith("_s"):
        return name.removesuffix("_s"), lambda value, row: duration(value)
    if isinstance(field, models.IntegerField) and name.endswith("_wh"):
        return f"{name.removesuffix('wh')}kwh", lambda value, row: f"{value / 1000:.1f}"
    if isinstance(field, ArrayField) and field.base_field.choices:
        labels = dict(field.base_field.flatchoices)
        return name, lambda value, row: ", ".join(str(labels.get(code, code)) for code in value)
    if isinstance(field, models.JSONField) and field.get_default() == []:
        return name, lambda value, row: codes(value)
    return None


def _wording_of_decimal(name: str, places: int) -> tuple[str, Callable[[Any, Any], str]] | None:
    if name == "amount" or name.endswith("_amount"):
        return name, _amount
    if name in ("km", "odometer_km") or name.endswith("_km"):
        return name, lambda value, row: f"{value:,.1f}"
    if places > 3 and name not in ("latitude", "longitude"):
        return name, lambda value, row: plain_number(value)
    return None


def _codes_of(field: Any) -> tuple[str, Callable[[Any, Any], str]] | None:
    """Choices that are their own labels are codes."""
    if field is not None and all(value == str(label) for value, label in field.flatchoices):
        return field.name, lambda value, row: spaced(str(value))
    return None


@cache
def shown_field(model: type[models.Model], name: str) -> Any:
    """A column or line of the admin that words a field's value; its plain name where it need not.

    The same function for the same field, so that Django finds it again.
    """
    field = next((f for f in model._meta.concrete_fields if f.name == name), None)
    wording = _wording(field) if field is not None and not field.choices else _codes_of(field)
    if field is None or wording is None:
        return name
    called, word = wording
    words = field.verbose_name if called == name else in_words(called)

    @admin.display(description=words, ordering=name)
    def shown(row: Any) -> str:
        value = getattr(row, name)
        return NOTHING if value in (None, "") or value == {} else word(value, row)

    shown.__name__ = f"{name}_shown"
    return shown


@cache
def leading_field(model: type[models.Model], name: str) -> Any:
    """The field as it is shown, leading to the row's own page."""
    field: Any = model._meta.get_field(name)
    shown = shown_field(model, name)

    @admin.display(description=field.verbose_name, ordering=name)
    def leading(row: Any) -> str:
        plain = getattr(row, f"get_{name}_display", lambda: getattr(row, name))
        words = shown(row) if callable(shown) else plain()
        return link_to(row, words)

    leading.__name__ = f"{name}_leading"
    return leading


def link_to(row: models.Model, words: Any) -> str:
    """A link to the page of a row in the admin."""
    options = row._meta
    name = f"admin:{options.app_label}_{options.model_name}_change"
    return link(reverse(name, args=(row.pk,)), words)


def link(address: str, words: Any) -> str:
    """A link that looks like those of the pages around it."""
    style = "text-primary-600 dark:text-primary-500"
    return format_html('<a class="{}" href="{}">{}</a>', style, address, words)


class ShownFields:
    """For a ModelAdmin or an inline: words in lists and wherever a field is only read."""

    def get_list_display(self: Any, request: HttpRequest) -> Any:
        return self._shown(super().get_list_display(request))  # type: ignore[misc]

    def get_readonly_fields(self: Any, request: HttpRequest, obj: Any = None) -> Any:
        return self.with_shown(super().get_readonly_fields(request, obj))  # type: ignore[misc]

    def with_shown(self, names: Iterable[Any]) -> list[Any]:
        """The names, and what is shown in their place: Django looks for both."""
        names = list(names)
        return [*names, *(field for field in self._shown(names) if callable(field))]

    def get_fieldsets(self: Any, request: HttpRequest, obj: Any = None) -> Any:
        groups = super().get_fieldsets(request, obj)  # type: ignore[misc]
        read: set[Any] | None = set(self.get_readonly_fields(request, obj))
        if obj is not None and not self.has_change_permission(request, obj):
            read = None  # everything
        shown = [
            (title, {**options, "fields": self._shown(options["fields"], read)})
            for title, options in groups
        ]
        return shown if self.fields or self.fieldsets or obj is None else _record_last(shown)

    def _shown(self: Any, fields: Iterable[Any], only: set[Any] | None = None) -> list[Any]:
        found: list[Any] = []
        for field in fields:
            if isinstance(field, list | tuple):
                found.append(tuple(self._shown(field, only)))
                continue
            is_own = callable(field) or hasattr(self, field)
            left = is_own or (only is not None and field not in only)
            item = field if left else shown_field(self.model, field)
            if item not in found:
                found.append(item)
        return found


def _record_last(groups: list[Any]) -> list[Any]:
    """The whole row on one page: what it is about first, where it belongs and since when last."""
    if len(groups) != 1:
        return groups
    [(title, options)] = groups
    fields = [field for field in options["fields"] if field not in RECORD_FIELDS]
    record = [name for name in RECORD_FIELDS if name in options["fields"] and name != "row_version"]
    lines = [tuple(record[n : n + 2]) for n in range(0, len(record), 2)]
    last = (gettext_lazy("Record"), {"fields": lines})
    return [(title, {**options, "fields": fields}), *([last] if record else [])]
