"""One walk over every scalar of a request: what no field of any kind may contain.

NUL, half surrogates, C0/C1 and text-direction controls are refused in all strings, keys and values
alike, so also inside free JSON; integers beyond 19 digits, numbers that are not finite and nesting
deeper than 32 as well. Tab and line breaks pass here; single-line fields refuse them
(`voltop.api.fields`).
"""

import math
import re
from typing import Any

from voltop.api import errors

MAX_DEPTH = 32
MAX_INTEGER = 10**19

SUSPICIOUS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def check_text(text: str, field: str = "") -> None:
    """Raise the error of the first forbidden character of a string; cheap where there is none."""
    found = SUSPICIOUS.search(text)
    if found is None:
        return
    character = found.group()
    if "\x00" in text:
        raise errors.NullCharacters(field=field)
    if "\ud800" <= character <= "\udfff":
        raise errors.Surrogates(field=field)
    raise errors.ControlCharacters(field=field)


def check_tree(root: Any) -> None:
    """Walk parsed JSON. Raises one of `voltop.api.errors`, with the dotted path as its field."""
    todo: list[tuple[Any, str, int]] = [(root, "", 1)]
    while todo:
        value, path, depth = todo.pop()
        kind = type(value)
        if kind is str:
            check_text(value, path)
        elif kind is dict:
            if depth > MAX_DEPTH:
                raise errors.NestingTooDeep(limit=MAX_DEPTH)
            for key, child in value.items():
                check_text(key, path)
                todo.append((child, f"{path}.{key}" if path else key, depth + 1))
        elif kind is list:
            if depth > MAX_DEPTH:
                raise errors.NestingTooDeep(limit=MAX_DEPTH)
            todo += [(c, f"{path}.{n}" if path else str(n), depth + 1) for n, c in enumerate(value)]
        elif kind is int:
            if not -MAX_INTEGER < value < MAX_INTEGER:
                raise errors.NumberTooLong(field=path)
        elif kind is float and not math.isfinite(value):
            raise errors.NumberNotFinite(field=path)
