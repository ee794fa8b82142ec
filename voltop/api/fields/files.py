"""A file as base64 in JSON, in and not out."""

import base64
import binascii
from typing import Any

from rest_framework import serializers

from voltop.api import errors
from voltop.api.fields.refusal import refusal


def base64_schema(max_bytes: int, description: str, example: str) -> dict[str, Any]:
    """What a subclass says of itself in the API's description (`extend_schema_field`)."""
    return {
        "type": "string",
        "contentEncoding": "base64",
        "pattern": "^[A-Za-z0-9+/]*={0,2}$",
        "maxLength": max_bytes * 4 // 3 + 4,
        "description": description,
        "example": example,
    }


class Base64Field(serializers.Field):
    """The bytes of a file. Codes: string_expected, invalid_base64."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, **kwargs)

    def to_internal_value(self, data: Any) -> bytes:
        if type(data) is not str:
            raise refusal(errors.StringExpected)
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise refusal(errors.InvalidBase64) from None
