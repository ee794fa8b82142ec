"""Strict fields of text: a JSON string, bounded, without characters that hide or deceive."""

import re
import unicodedata
import uuid
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import EmailValidator, URLValidator
from rest_framework import serializers
from rest_framework.fields import empty

from voltop.api import errors
from voltop.api.fields.refusal import refusal, refusal_as
from voltop.api.walk import check_text
from voltop.errors import DomainError

MAX_MARKS = 8
LINE_BREAKS = re.compile("[\t\n\r\x0b\x0c\u2028\u2029]")
INVISIBLE = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\u3164\ufeff\uffa0]*"
)


class StrictCharField(serializers.CharField):
    """Text of at most `max_length` characters; line breaks and tabs only with `multiline`.

    Codes: string_expected, blank, too_long, too_short, control_characters, combining_marks,
    null_characters_not_allowed, surrogates_not_allowed.
    """

    def __init__(self, *, max_length: int, multiline: bool = False, **kwargs: Any) -> None:
        self.multiline = multiline
        super().__init__(max_length=max_length, **kwargs)

    def run_validation(self, data: Any = empty) -> Any:
        is_settled, data = self.validate_empty_values(data)
        if is_settled:
            return data
        if type(data) is not str:
            raise refusal(errors.StringExpected)
        text = data.strip() if self.trim_whitespace else data
        if INVISIBLE.fullmatch(text):
            if self.allow_blank:
                return ""
            raise refusal(errors.Blank)
        if len(text) > (self.max_length or 0):
            self.fail("max_length", max_length=self.max_length)  # before anything dearer
        self.check(text)
        value = self.to_internal_value(text)
        self.run_validators(value)
        return value

    def check(self, text: str) -> None:
        """Raise for characters and stacks of marks that no name or note needs."""
        try:
            check_text(text)
        except DomainError as error:
            raise refusal_as(error) from error
        breaks = LINE_BREAKS.search(text)
        if breaks and (not self.multiline or breaks.group() not in "\t\n" or "\r" in text):
            raise refusal(errors.ControlCharacters)
        if not text.isascii() and longest_run_of_marks(text) > MAX_MARKS:
            raise refusal(errors.CombiningMarks)

    def to_internal_value(self, data: Any) -> Any:
        return data


def longest_run_of_marks(text: str) -> int:
    """The most combining marks that follow one base character."""
    longest = run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character).startswith("M") else 0
        longest = max(longest, run)
    return longest


class SecretField(StrictCharField):
    """A password, code or token: any text, never trimmed, never shown, bounded before hashing."""

    def __init__(self, *, max_length: int = 1024, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, write_only=True, **kwargs)


class EmailField(StrictCharField):
    """An e-mail address, kept as written."""

    _validate = EmailValidator()

    def __init__(self, *, max_length: int = 254, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_internal_value(self, data: str) -> str:
        try:
            self._validate(data)
        except (DjangoValidationError, ValueError):
            raise refusal(errors.InvalidEmail) from None
        return data


class UrlField(StrictCharField):
    """An http or https address. What may be *called* is decided by `voltop.http`."""

    _validate = URLValidator(schemes=["http", "https"])

    def __init__(self, *, max_length: int = 500, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_internal_value(self, data: str) -> str:
        try:
            self._validate(data)
        except (DjangoValidationError, ValueError):
            raise refusal(errors.InvalidUrl) from None
        return data


class StrictUUIDField(serializers.UUIDField):
    """A UUID in its usual 36 characters. Code: uuid_expected."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if type(data) is str and len(data) == 36:
            try:
                return uuid.UUID(data)
            except ValueError:
                pass
        raise refusal(errors.UuidExpected)


class StrictChoiceField(serializers.ChoiceField):
    """One of the choices, in its own type. Code: invalid_choice."""

    def to_internal_value(self, data: Any) -> Any:
        for choice in self.choices:
            value = getattr(choice, "value", choice)
            if type(data) is type(value) and data == value:
                return choice
        raise refusal(errors.InvalidChoice)

    def to_representation(self, value: Any) -> Any:
        return getattr(value, "value", value)
