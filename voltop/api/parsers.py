"""The only parser of the API: strict JSON.

UTF-8 only, one meaning per document (no duplicate keys, no NaN), bounded size, depth and numbers.
"""

import json
from collections.abc import Mapping
from typing import IO, Any, Never

from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser

from voltop.api import errors
from voltop.api.body import read_body
from voltop.api.walk import check_tree

MAX_FLOAT_CHARACTERS = 40


def decode_json(raw: bytes) -> Any:
    """Strictly decode a JSON document. Raises one of `voltop.api.errors` (400)."""
    if b"\x00" in raw[:2]:
        raise errors.InvalidUtf8()  # UTF-16 or UTF-32 without a byte order mark
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise errors.InvalidUtf8() from error
    try:
        tree = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise errors.MalformedJson(line=error.lineno, column=error.colno) from error
    except RecursionError as error:
        raise errors.NestingTooDeep() from error
    except ValueError as error:  # Python's own bound on the digits of an integer
        raise errors.NumberTooLong() from error
    check_tree(tree)
    return tree


def _unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _value in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise errors.DuplicateKey(field=twice if twice.isprintable() else "")
    return result


def _float(digits: str) -> float:
    if len(digits) > MAX_FLOAT_CHARACTERS:
        raise errors.NumberTooLong()
    return float(digits)


def _not_finite(_name: str) -> Never:
    raise errors.NumberNotFinite()


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique_object, parse_float=_float, parse_constant=_not_finite
)


class StrictJSONParser(BaseParser):
    """application/json in UTF-8, within `view.body_bound()`; an empty body is refused."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any] | None,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        context = parser_context or {}
        request = context["request"]._request
        view = context.get("view")
        raw = read_body(
            request,
            max_bytes=view.body_bound() if view is not None else None,
            gzip_max_bytes=getattr(view, "gzip_max_bytes", None),
        )
        if not raw.strip():
            raise errors.BodyRequired()
        require_json(request.META.get("CONTENT_TYPE", ""))
        return decode_json(raw)


def require_json(content_type: str) -> None:
    """Refuse any content type but application/json, and any charset but UTF-8."""
    media_type, parameters = parse_header_parameters(content_type)
    if media_type != "application/json":
        raise errors.UnsupportedMediaType()
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise errors.UnsupportedCharset()
