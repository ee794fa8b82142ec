"""Kinds of notices to people: the words, and what makes one urgent or a matter of safety.

Apps fill the registry's point `NOTICE_KINDS`; words are translatable templates, and the values that
go into them are worded for the reader: amounts by language, instants in the reader's zone.
Not here: to whom a notice goes, when, and over which channels (`fleets.services.notices`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.utils import formats

from voltop import registry
from voltop.money import shown_decimals


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One kind of notice. `subject` and `text` are lazy translations with `%(name)s` for values.

    `urgent` kinds do not wait for the end of quiet hours. `safety` kinds concern one's money or
    account, or somebody's life: they also leave by e-mail, or else by SMS, where a person has
    chosen neither. `first` kinds wait behind no other notice.
    `worded` turns a code among the values into the reader's words.
    """

    name: str
    subject: Any
    text: Any
    urgent: bool = False
    safety: bool = False
    first: bool = False
    worded: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


def all_kinds() -> dict[str, NoticeKind]:
    """Every kind of every app, by its name."""
    return {
        kind.name: kind
        for found in registry.collect(registry.NOTICE_KINDS).values()
        for kind in found()
    }


def words(kind: NoticeKind, params: Mapping[str, Any], zone: tzinfo) -> tuple[str, str]:
    """Subject and text in the language that is active, times in `zone`."""
    values = {name: _worded(name, value, params, zone) for name, value in params.items()}
    values |= {name: worded(params[name]) for name, worded in kind.worded.items()}
    return str(kind.subject) % values, str(kind.text) % values


def _worded(name: str, value: Any, params: Mapping[str, Any], zone: tzinfo) -> Any:
    """Instants are told by names in `_at` or `_until`, days by `_on`, amounts by `amount`."""
    if name.endswith(("_at", "_until")):
        local = datetime.fromisoformat(value).astimezone(zone)
        return formats.date_format(local, "SHORT_DATETIME_FORMAT")
    if name.endswith("_on"):
        return formats.date_format(date.fromisoformat(value), "SHORT_DATE_FORMAT")
    if name == "amount":
        places = shown_decimals(params["currency"])
        return formats.number_format(Decimal(value), places, use_l10n=True, force_grouping=True)
    return value
