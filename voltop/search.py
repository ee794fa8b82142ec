"""Search as people type: in any case, without accents, a phone number however it is spaced.

`plainly` is a lookup of short texts (CharField): contains, once capitals and accents are gone on
both sides. It needs no extension and uses no index, as no search for a part of a word does; a row
of plain ASCII, which most are, costs what `icontains` costs. Not here: which columns are searched.
"""

import re
import unicodedata
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Func
from django.db.models.lookups import Contains
from django.db.models.sql.compiler import SQLCompiler

PHONE = re.compile(r"[+(]?[0-9][0-9 ()./-]{5,}")
SEPARATORS = re.compile(r"[ ()./-]")


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


ACCENTED = "".join(c for c in map(chr, range(0xE0, 0x180)) if c.islower() and _bare(c) != c) + "øłđ"
BARE = "".join(map(_bare, ACCENTED[:-3])) + "old"
TABLE = str.maketrans(ACCENTED, BARE)
MARKS = "¿¡«»“”„‘’…–—·"
"""Marks that a database without a language takes for letters: they stand between words."""
SPELT = ACCENTED + ACCENTED.upper() + MARKS
PLAIN = BARE + BARE + " " * len(MARKS)


def plain(text: str) -> str:
    """The text in small letters without accents."""
    return unicodedata.normalize("NFC", text).lower().translate(TABLE)


def phone_in(text: str) -> str | None:
    """The digits of what may be a phone number, with its plus; None for any other text."""
    text = text.strip()
    if not PHONE.fullmatch(text):
        return None
    return SEPARATORS.sub("", text)


class Words(Func):
    """The words of a text, small and without accents, as PostgreSQL's `tsvector`.

    An index stands on exactly what `words_sql` says, so values are literals here.
    """

    output_field = SearchVectorField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: Any, **kwargs: Any
    ) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        return words_sql(sql), params


def words_sql(column: str) -> str:
    """The expression that an index on the words of a column stands on."""
    return f"to_tsvector('simple', translate(lower({column}), '{SPELT}', '{PLAIN}'))"


def words_query(text: str) -> SearchQuery:
    """What a person typed: all words, "phrases in quotes", or, -not."""
    return SearchQuery(plain(text), config="simple", search_type="websearch")


def excerpt(text: str, asked: str, *, around: int = 60) -> tuple[str, str, str]:
    """What stands before, at and after the first of the words that `asked` has, of a text in which
    they were found: so many letters of each side."""
    bare, words = plain(text), re.findall(r"\w+", plain(asked))
    sought = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    hit = re.search(rf"\b(?:{sought})\b", bare) if words and len(bare) == len(text) else None
    start, end = hit.span() if hit is not None else (0, 0)
    before, after = text[max(0, start - around) : start], text[end : end + around]
    cut = ("…" if start > around else "", "…" if end + around < len(text) else "")
    return cut[0] + before, text[start:end], after + cut[1]


@CharField.register_lookup
class Plainly(Contains):
    """`name__plainly="nunez"` finds Núñez."""

    lookup_name = "plainly"

    def process_lhs(self, compiler: SQLCompiler, connection: Any, lhs: Any = None) -> Any:
        sql, params = super().process_lhs(compiler, connection, lhs)
        plain_sql = (
            f"CASE WHEN octet_length({sql}) = char_length({sql}) THEN lower({sql})"
            f" ELSE translate(lower({sql}), %s, %s) END"
        )
        return plain_sql, [*params, *params, *params, *params, ACCENTED, BARE]

    def process_rhs(self, qn: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        if isinstance(self.rhs, str):
            self.rhs = plain(self.rhs)
        return super().process_rhs(qn, connection)

    def get_rhs_op(self, connection: BaseDatabaseWrapper, rhs: str) -> str:
        return f"LIKE {rhs}"
