"""A driver's day at a glance, in at most 8 KB: what a phone shows first, and again without network.

Apps fill the registry's point `TODAY` with parts; a part is for whom its permission allows it, and
says nothing that changes from second to second (a running time is told by when it began), so that
a day in which nothing happened has the same ETag. Not here: what a part shows (`<app>/today.py`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from voltop import registry
from voltop.api.permissions import PERSON

MOST_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Part:
    """Fields of the day that one app knows: `shapes` are their serializers by name, in brackets
    where it is a list of such.

    `read(driver, at)` gives what they show by name; None: nothing. Parts that are `spare` are left
    out, the last first, where the whole would be too large.
    """

    permission: str
    shapes: Mapping[str, Any]
    read: Callable[[Any, datetime], Mapping[str, Any]]
    spare: bool = False


def parts() -> list[Part]:
    """Every part of every app, in the order of the apps."""
    found = registry.collect(registry.TODAY).values()
    return [part for function in found for part in function()]


def compose(
    driver: Any, user: Any, at: datetime, encode: Callable[[Any], bytes]
) -> tuple[dict[str, Any], str]:
    """The day as it is shown, and its ETag. `left_out` names the parts that had no room."""
    own = [part for part in parts() if part.permission == PERSON or user.has_perm(part.permission)]
    day: dict[str, Any] = {"left_out": []}
    for part in own:
        found = part.read(driver, at)
        day |= {name: _shown(shape, found[name]) for name, shape in part.shapes.items()}
    for part in reversed([part for part in own if part.spare]):
        if len(encode(day)) <= MOST_BYTES:
            break
        day |= dict.fromkeys(part.shapes)
        day["left_out"] += part.shapes
    return day, f'"{hashlib.sha256(encode(day)).hexdigest()[:32]}"'


def field_of(shape: Any, *args: Any, **kwargs: Any) -> Any:
    """The serializer of a shape, of what is given."""
    return (
        shape[0](*args, many=True, **kwargs) if isinstance(shape, list) else shape(*args, **kwargs)
    )


def _shown(shape: Any, found: Any) -> Any:
    return None if found is None else field_of(shape, found).data
