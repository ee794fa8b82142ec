"""Form fields for columns that machines keep as JSON: opening hours and lists, as lines of words.

What was typed comes back as it was where it cannot be understood, with the line that is wrong.
Not here: the rules of the values (services).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from unfold.widgets import UnfoldAdminTextareaWidget

from voltop.search import plain

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LINE = re.compile(r"\s*(?P<days>[^0-9:]+?)[\s:]+(?P<spans>[0-9].*?)\s*")
SPAN = re.compile(r"([0-9]{1,2}):?([0-9]{2})?\s*[-–—]\s*([0-9]{1,2}):?([0-9]{2})?")
MAX_NAMES, MAX_NAME_CHARS = 50, 40

Hours = Mapping[str, Sequence[Sequence[str]]]


def hours_as_lines(hours: Hours) -> list[str]:
    """Opening hours as people write them; days in a row with the same hours share a line.

    What are no hours, written behind the application, is shown as it is.
    """
    try:
        return _lines(hours)
    except (AttributeError, TypeError, ValueError):
        return [str(hours)]


def _lines(hours: Hours) -> list[str]:
    lines: list[tuple[int, int, str]] = []
    for number, day in enumerate(DAYS):
        spans = ", ".join(f"{opens}–{closes}" for opens, closes in hours.get(day, ()))
        if not spans:
            continue
        if lines and lines[-1][1:] == (number - 1, spans):
            lines[-1] = (lines[-1][0], number, spans)
        else:
            lines.append((number, number, spans))
    return [
        f"{_day(first)} {spans}" if first == last else f"{_day(first)}–{_day(last)} {spans}"
        for first, last, spans in lines
    ]


def hours_of_lines(text: str) -> dict[str, list[list[str]]]:
    """The hours that the lines say; no line at all is always open. Raises ValidationError."""
    hours: dict[str, list[list[str]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line)
        days = list(_days(found["days"])) if found else []
        spans = (
            [SPAN.fullmatch(part.strip()) for part in found["spans"].split(",")] if found else []
        )
        if not days or not all(spans):
            raise ValidationError(
                _("Line %(number)d is not understood: write it like “Mon–Fri 06:00–22:00”."),
                params={"number": number},
                code="invalid_opening_hours",
            )
        for day in days:
            hours.setdefault(day, []).extend(_span(span) for span in spans if span)
    return hours


def _day(number: int) -> str:
    return str(WEEKDAYS_ABBR[number])


def _span(found: re.Match[str]) -> list[str]:
    opens_h, opens_min, closes_h, closes_min = found.groups()
    return [f"{int(opens_h):02}:{opens_min or '00'}", f"{int(closes_h):02}:{closes_min or '00'}"]


def _days(text: str) -> Iterator[str]:
    """The days that "Mon", "lunes" or "Mon–Fri" name, in the page's language or in English."""
    ends = [_number(part) for part in re.split(r"[-–—]", text.lower().replace("-feira", ""))]
    if len(ends) > 2 or None in ends:
        return
    first, last = ends[0] or 0, ends[-1] or 0
    yield from DAYS[first : last + 1]


def _number(text: str) -> int | None:
    """The day that begins so; None where it is none or more than one."""
    word = plain(text).strip(" .")
    found = {
        number
        for number in WEEKDAYS
        for name in _names(number)
        if len(word) > 1 and name.startswith(word)
    }
    return found.pop() if len(found) == 1 else None


def _names(number: int) -> Iterable[str]:
    own = plain(str(WEEKDAYS[number]))
    with override("en"):
        return own, plain(str(WEEKDAYS[number]))


class _Lines(forms.CharField):
    """A text field whose value is something else."""

    widget = UnfoldAdminTextareaWidget

    def text_of(self, value: Any) -> str:
        raise NotImplementedError

    def value_of(self, text: str) -> Any:
        raise NotImplementedError

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else self.text_of(value)

    def to_python(self, value: Any) -> Any:
        return self.value_of(super().to_python(value) or "")

    def validate(self, value: Any) -> None:
        """Nothing: what is empty says something."""

    def run_validators(self, value: Any) -> None:
        """Those of a text do not suit the value."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class OpeningHoursField(_Lines):
    """A line for each day or row of days."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = gettext_lazy(
            "Local time, a line for a day or for several: “Mon–Fri 06:00–14:00, 15:00–24:00”. "
            "Empty is always open; a day that no line names is closed."
        )
        super().__init__(**{**kwargs, "help_text": help_text, "required": False})

    def text_of(self, value: Any) -> str:
        return "\n".join(hours_as_lines(value or {}))

    def value_of(self, text: str) -> dict[str, list[list[str]]]:
        return hours_of_lines(text)


class NamesField(_Lines):
    """Short names with commas between them."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = gettext_lazy("Names with commas between them; empty is none.")
        super().__init__(**{**kwargs, "help_text": help_text, "required": False})

    def text_of(self, value: Any) -> str:
        return ", ".join(value or [])

    def value_of(self, text: str) -> list[str]:
        names = list(dict.fromkeys(filter(None, map(str.strip, re.split("[,\n]", text)))))
        if len(names) > MAX_NAMES or any(len(name) > MAX_NAME_CHARS for name in names):
            raise ValidationError(
                _("At most %(names)d names of %(chars)d characters each."),
                params={"names": MAX_NAMES, "chars": MAX_NAME_CHARS},
                code="too_long",
            )
        return names
