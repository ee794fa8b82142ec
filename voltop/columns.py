"""What the columns of a file mean: from the cells of a row to the body that a POST would take.

A column is called like the field it fills; a kind (`voltop.records`) may know further names for it
and how to find what people call by name (a depot, a model). An empty cell says nothing: the field
is left away. Not here: whether the values are right (the kind's serializer), reading (`tabular`).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from voltop.api.errors import NullCharacters, ObjectNotFound, RequestError
from voltop.api.fields import (
    MoneyField,
    ObjectField,
    ProviderRelatedField,
    StrictBooleanField,
    StrictFloatField,
    StrictIntegerField,
    StrictListField,
)
from voltop.api.parsers import decode_json
from voltop.errors import DomainError
from voltop.tabular import (
    DoubledColumns,
    FormulaInCell,
    MissingColumns,
    Row,
    UnevenRow,
    UnknownColumns,
    own_text,
)

REF = "ref"
"""The column of what another system calls the record, as system:id."""
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
WHOLE = re.compile(r"-?[0-9]{1,18}")
NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
MONEY = re.compile(r"(\S+)\s+([A-Z]{3})")


@dataclass(frozen=True)
class Column:
    """Further names of a field's column, and how what people write there finds a row.

    `find(provider_id, text)` gives the id of the row meant by a name, None without exactly one.
    """

    aliases: tuple[str, ...] = ()
    find: Callable[[int, str], int | None] | None = None


@dataclass(frozen=True)
class Cells:
    """One row of a file as a body, or what is wrong with it: (column, error) for each mistake."""

    number: int
    body: dict[str, Any]
    ref: dict[str, str] | None
    mistakes: list[tuple[str, DomainError]]


class Sheet:
    """The columns of one file, understood for one kind of record at one provider.

    Raises UnknownColumns, DoubledColumns, MissingColumns (400) for a header that cannot be meant.
    """

    def __init__(
        self,
        new: type[serializers.Serializer],
        columns: Mapping[str, Column],
        header: Sequence[str],
        provider_id: int,
    ) -> None:
        self.columns, self.provider_id = columns, provider_id
        self.fields = {name: f for name, f in new().fields.items() if not f.read_only}
        self.names = self._understood(header)
        self.found: dict[tuple[str, str], int | None] = {}

    @property
    def has_refs(self) -> bool:
        """Whether rows may mean records that are there already."""
        return REF in self.names.values()

    def column_of(self, field: str) -> str:
        """What the file calls a field, for messages; the field's name where it has no column."""
        top = field.partition(".")[0]
        called = (column for column, name in self.names.items() if name == top)
        return next(called, field)

    def _understood(self, header: Sequence[str]) -> dict[str, str]:
        known = {plain(name): name for name in (*self.fields, REF)}
        for name, column in self.columns.items():
            known |= {plain(alias): name for alias in column.aliases}
        unknown = [name for name in header if plain(name) not in known]
        if unknown:
            raise UnknownColumns(
                unknown=[name[:100] for name in unknown[:50]], known=[*self.fields, REF]
            )
        names = {name: known[plain(name)] for name in header}
        doubled = [name for name, field in names.items() if [*names.values()].count(field) > 1]
        if doubled:
            raise DoubledColumns(columns=doubled)
        required = [name for name, field in self.fields.items() if field.required]
        missing = [name for name in required if name not in names.values()]
        if missing:
            raise MissingColumns(missing=missing, found=list(header))
        return names

    def read(self, row: Row) -> Cells:
        """The row as a body; every cell that cannot be meant is named."""
        body: dict[str, Any] = {}
        mistakes: list[tuple[str, DomainError]] = []
        if row.problem:
            error = UnevenRow() if row.problem == "cell_count" else NullCharacters()
            return Cells(row.number, {}, None, [("", error)])
        ref = None
        for column, text in row.cells.items():
            name = self.names[column]
            try:
                value = self._value(name, text)
            except DomainError as error:
                mistakes.append((column, error))
                continue
            if value is None:
                continue
            if name == REF:
                ref = value
            else:
                body[name] = value
        return Cells(row.number, body, ref, mistakes)

    def _value(self, name: str, text: str) -> Any:
        if is_formula(text):
            raise FormulaInCell()
        text = own_text(text).strip()
        if not text:
            return None
        if name == REF:
            system, _colon, external_id = text.partition(":")
            return {"system": system, "id": external_id}
        field = self.fields[name]
        if isinstance(field, ProviderRelatedField):
            return self._related(name, text)
        return typed(field, text)

    def _related(self, name: str, text: str) -> int:
        """The id that a cell holds, or that of what it names."""
        if WHOLE.fullmatch(text):
            return int(text)
        find = self.columns.get(name, Column()).find
        key = (name, text)
        if key not in self.found:
            self.found[key] = find(self.provider_id, text) if find is not None else None
        found = self.found[key]
        if found is None:
            raise ObjectNotFound()
        return found


def plain(name: str) -> str:
    """A column's name without case, accents and separators: "Family name" is family_name."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(c for c in bare if not unicodedata.combining(c))
    return re.sub(r"[\s_.-]+", "_", kept).strip("_*:")


def is_formula(text: str) -> bool:
    """Whether a cell would be computed by a spreadsheet: an equals sign first, in any width."""
    return unicodedata.normalize("NFKC", text.lstrip()[:1]) == "="


def typed(field: serializers.Field, text: str) -> Any:
    """The text as JSON would have it for a field; what does not fit stays text, to be refused."""
    if isinstance(field, StrictBooleanField):
        return TRUTHS.get(text.casefold(), text)
    if isinstance(field, StrictIntegerField):
        return int(text) if WHOLE.fullmatch(text) else text
    if isinstance(field, StrictFloatField):
        return float(text) if NUMBER.fullmatch(text) else text
    if isinstance(field, MoneyField) and (match := MONEY.fullmatch(text)):
        return {"amount": match[1], "currency": match[2]}
    nested = (ObjectField, StrictListField, serializers.Serializer)
    if isinstance(field, nested) and text[:1] in "[{":
        try:
            return decode_json(text.encode())
        except RequestError:
            return text
    return text
