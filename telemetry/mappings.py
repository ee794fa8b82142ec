"""Named column mappings: how the rows of one kind of CSV file become samples.

A mapping is data: which column holds what, in which form and unit. To add a kind of file, add one
here. What a column cannot be read as is left as text, and refused with the sample's other checks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telemetry.errors import UnknownMapping

Read = Callable[[str], Any]


def number(text: str) -> Any:
    """A plain decimal number; an empty cell says nothing."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def flag(text: str) -> Any:
    """1 or 0; an empty cell says nothing."""
    return {"1": True, "0": False, "": None}.get(text, text)


def epoch_s(text: str) -> Any:
    """Seconds since 1970 in UTC."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return text


def words(text: str) -> Any:
    return text or None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """field of a sample → (column of the file, how its text is read)."""

    name: str
    fields: Mapping[str, tuple[str, Read]]
    delimiter: str = ","

    @property
    def columns(self) -> list[str]:
        return [column for column, _ in self.fields.values()]

    def item(self, cells: Mapping[str, str], ref: int) -> dict[str, Any]:
        """One row as a decoded sample; `ref` is the row's number."""
        item = {field: read(cells[column]) for field, (column, read) in self.fields.items()}
        item["ref"] = ref
        return item


MAPPINGS: dict[str, ColumnMapping] = {
    mapping.name: mapping
    for mapping in (
        # Dispatch trackers of taxi fleets: one fix a minute and the taximeter's flag.
        ColumnMapping(
            "cabs",
            {
                "recorded_at": ("timestamp", epoch_s),
                "device": ("cab", words),
                "latitude": ("latitude", number),
                "longitude": ("longitude", number),
                "occupied": ("occupied", flag),
            },
        ),
    )
}


def mapping_of(name: str) -> ColumnMapping:
    """The mapping of that name. Raises UnknownMapping (400)."""
    if name not in MAPPINGS:
        raise UnknownMapping(field="mapping", known=sorted(MAPPINGS))
    return MAPPINGS[name]
