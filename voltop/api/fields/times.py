"""Strict fields of time: instants with an offset, dates, times of day.

Instants come in with their offset and go out in UTC with Z. Local wall-clock times, which a clock
change may skip or double, are resolved by `voltop.clock`, not here.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rest_framework import serializers

from voltop.api import errors
from voltop.api.fields.refusal import refusal

INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
FIRST_YEAR, LAST_YEAR = 1900, 2200
MAX_OFFSET_MIN = 14 * 60


def parse_instant(text: str) -> datetime:
    """An RFC 3339 time as UTC; its offset may lack the colon, as generated clients write it.

    Raises InvalidInstant (also for leap seconds and hour 24), OffsetRequired, InstantOutOfRange
    (offset beyond 14 hours, year outside 1900 to 2200).
    """
    match = INSTANT.fullmatch(text)
    if match is None:
        raise errors.InvalidInstant()
    day, clock, fraction, zulu, sign, hours, minutes = match.groups()
    if zulu is None and sign is None:
        raise errors.OffsetRequired()
    if sign is not None and int(minutes) > 59:
        raise errors.InvalidInstant()
    offset_min = int(hours) * 60 + int(minutes) if sign else 0
    if offset_min > MAX_OFFSET_MIN:
        raise errors.InstantOutOfRange()
    try:
        naive = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '').ljust(6, '0')}")
    except ValueError as error:
        raise errors.InvalidInstant() from error
    shift = timedelta(minutes=-offset_min if sign == "+" else offset_min)
    try:
        at = (naive + shift).replace(tzinfo=UTC)
    except OverflowError as error:
        raise errors.InstantOutOfRange() from error
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise errors.InstantOutOfRange()
    return at


def format_instant(at: datetime) -> str:
    """An aware time as RFC 3339 in UTC with Z."""
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def parse_date(text: str) -> date:
    """An ISO date between 1900 and 2200. Raises InvalidDate, DateOutOfRange."""
    if not DATE.fullmatch(text):
        raise errors.InvalidDate()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise errors.InvalidDate() from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise errors.DateOutOfRange()
    return day


class InstantField(serializers.DateTimeField):
    """Codes: string_expected, invalid_datetime, offset_required, datetime_out_of_range."""

    def to_internal_value(self, data: Any) -> datetime:
        if type(data) is not str:
            raise refusal(errors.StringExpected)
        try:
            return parse_instant(data)
        except errors.RequestError as error:
            raise refusal(type(error)) from error

    def to_representation(self, value: Any) -> str:
        return format_instant(value)


class DateField(serializers.DateField):
    """Codes: string_expected, invalid_date, date_out_of_range."""

    def to_internal_value(self, data: Any) -> date:
        if type(data) is not str:
            raise refusal(errors.StringExpected)
        try:
            return parse_date(data)
        except errors.RequestError as error:
            raise refusal(type(error)) from error

    def to_representation(self, value: Any) -> str:
        return str(value.isoformat())


class TimeField(serializers.TimeField):
    """A time of day on a local clock, "08:30" or "08:30:00". Code: invalid_time."""

    def to_internal_value(self, data: Any) -> time:
        if type(data) is not str:
            raise refusal(errors.StringExpected)
        try:
            if TIME.fullmatch(data):
                return time.fromisoformat(data)
        except ValueError:
            pass
        raise refusal(errors.InvalidTime)

    def to_representation(self, value: Any) -> str:
        return str(value.isoformat())
