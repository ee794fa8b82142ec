"""Several differing samples of one vehicle at one instant become one, whatever their order.

Field by field: what only one of them knows is taken; where they disagree, the source with the
lowest priority number decides, then the lower source id, then the greater value. The position is
one field: latitude, longitude and accuracy are never mixed from two samples. The result depends on
the set of contributions only, so arrival in any order, doubled or rebuilt, gives the same row.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from telemetry.samples import FIRST_VALUE, VALUE_COLUMNS, Row

_POSITION = ("latitude_e7", "longitude_e7", "accuracy_dm")
_GROUPS: tuple[tuple[int, ...], ...] = (
    tuple(i for i, c in enumerate(VALUE_COLUMNS) if c.name in _POSITION),
    *((i,) for i, c in enumerate(VALUE_COLUMNS) if c.name not in _POSITION),
)


class Contribution(NamedTuple):
    """What one source said about one instant; times in microseconds since PostgreSQL's epoch."""

    received_us: int
    source_id: int
    values: tuple[Any, ...]


def of_row(row: Row) -> Contribution:
    return Contribution(row[2], row[3], tuple(row[FIRST_VALUE:]))


def digest(values: Sequence[Any]) -> bytes:
    """16 bytes that name a set of values."""
    return hashlib.blake2b(msgspec.json.encode(list(values)), digest_size=16).digest()


def merge(
    vehicle_id: int,
    recorded_us: int,
    contributions: Sequence[Contribution],
    priorities: Mapping[int, int],
) -> Row:
    """The one row of an instant. `priorities` maps source ids to their priority; unknown last."""

    def rank(source_id: int) -> tuple[int, int]:
        return (priorities.get(source_id, 2**31), source_id)

    values: list[Any] = [None] * len(VALUE_COLUMNS)
    for group in _GROUPS:
        chosen = _choose(group, contributions, rank)
        for index, value in zip(group, chosen, strict=True):
            values[index] = value
    received_us = min(c.received_us for c in contributions)
    source_id = min((c.source_id for c in contributions), key=rank)
    return (vehicle_id, recorded_us, received_us, source_id, *values)


def _choose(group: tuple[int, ...], contributions: Sequence[Contribution], rank: Any) -> Any:
    """The value of one group of columns: best rank first, then the greater value; nulls lose."""
    known = [
        (rank(c.source_id), tuple(c.values[i] for i in group))
        for c in contributions
        if c.values[group[0]] is not None
    ]
    if not known:
        return (None,) * len(group)
    best = min(known_rank for known_rank, _ in known)
    return max(
        (value for known_rank, value in known if known_rank == best),
        key=lambda value: tuple(-(2**63) if part is None else part for part in value),
    )
