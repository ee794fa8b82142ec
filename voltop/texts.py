"""The texts in other languages: catalogues `locale/<language>/LC_MESSAGES/django.po`, compiled.

gettext's own tools need not be there: `python -m voltop.texts` (`make texts`) writes each `.mo`
beside its `.po`, and both are checked in. The catalogues hold the words that leave the house, of
errors and of messages to people; a text that is missing is shown in English. Understood is what
they use: `msgid`, `msgstr`, continued lines and comments; no plurals and no contexts.
"""

import ast
import re
import struct
import sys
from pathlib import Path

LOCALE = Path(__file__).resolve().parent / "locale"
LANGUAGES = ("es", "pt", "de")
MAGIC = 0x950412DE
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z]")
_LINE = re.compile(r'(?:(msgid|msgstr) )?(".*")')


class BadCatalogue(Exception):
    """A line that is none of a catalogue's, or a text that stands twice."""


def read(language: str) -> dict[str, str]:
    """The language's texts by their English; "" is the header."""
    return parse(_path(language, "po").read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, str]:
    """The texts of a catalogue. Raises BadCatalogue with the number of the line."""
    pairs: list[list[str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or (not pairs and found[1] != "msgid"):
            raise BadCatalogue(f"line {number}")
        if found[1] == "msgid":
            pairs.append(["", ""])
            side = 0
        elif found[1] == "msgstr":
            side = 1
        pairs[-1][side] += ast.literal_eval(found[2])
    texts = {pair[0]: pair[1] for pair in pairs}
    if len(texts) != len(pairs):
        raise BadCatalogue("a text stands twice")
    return texts


def compiled(texts: dict[str, str]) -> bytes:
    """The catalogue as gettext reads it: the `.mo` format, texts sorted by their English."""
    pairs = sorted((english.encode(), words.encode()) for english, words in texts.items() if words)
    count = len(pairs)
    header = struct.pack("<7I", MAGIC, 0, count, 28, 28 + 8 * count, 0, 28 + 16 * count)
    place, tables, body = 28 + 16 * count, b"", b""
    for side in (0, 1):
        for pair in pairs:
            tables += struct.pack("<2I", len(pair[side]), place + len(body))
            body += pair[side] + b"\0"
    return header + tables + body


def placeholders(text: str) -> list[str]:
    """What is filled into a text, sorted: %(name)s."""
    return sorted(PLACEHOLDER.findall(text))


def write_all() -> None:
    """Compile every catalogue."""
    for language in LANGUAGES:
        _path(language, "mo").write_bytes(compiled(read(language)))


def is_compiled(language: str) -> bool:
    """Whether the `.mo` is what the `.po` says."""
    return _path(language, "mo").read_bytes() == compiled(read(language))


def _path(language: str, kind: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"django.{kind}"


if __name__ == "__main__":
    write_all()
    sys.stdout.write(f"compiled {', '.join(LANGUAGES)}\n")
