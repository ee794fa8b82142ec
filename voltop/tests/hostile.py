"""Strings that break software, and what a page looks like to a parser.

The list is the Big List of Naughty Strings where its file is found (`VOLTOP_DATA` names the folder
of test data), else a few of the same kinds.
"""

import json
import os
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from voltop.embedded.paths import CHECKOUT

DATA = Path(os.environ.get("VOLTOP_DATA", CHECKOUT.parent / "shared" / "data"))
BUILT_IN = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "' onfocus='alert(3)' x='",
    "</textarea><svg onload=alert(4)>", "</title><iframe src=javascript:alert(5)>",
    "</script><script>alert(6)</script>", "<!-- --><style>*{display:none}</style>",
    "javascript:alert(7)", "{{ 7*7 }}{% csrf_token %}", "%s%d%n{0}{x}", "'; DROP TABLE x; --",
    "=1+1", "@SUM(1)", "../../etc/passwd", "Ω≈ç√∫", "田中さん", "مرحبا", "👩‍👩‍👧‍👦",
    "\u202egnp.exe", "\u200b", "a\u0000b", "\u001b[31m", "Z̸̢̛a̵l̷g̶o", "1e309", "NaN", "null",
    "undefined",
    "﷽" * 20, "x" * 5000, "", " ", "\ufeff", "ﬀ", "İ", "ß", "\\", "\\u0000", "&lt;b&gt;", "&amp;",
)  # fmt: skip


@cache
def strings() -> tuple[str, ...]:
    """All of them, the built-in ones too."""
    path = DATA / "hostile-text" / "strings.json"
    return (*BUILT_IN, *(json.loads(path.read_text()) if path.exists() else ()))


def markup() -> tuple[str, ...]:
    """Those that want to become elements, attributes or addresses of a page."""
    signs = ("<", "javascript:", "onerror", "onfocus", '"', "'", "{{", "{%", "&")
    return tuple(text for text in strings() if any(sign in text for sign in signs))


class Shape(HTMLParser):
    """The elements of a page with the names of their attributes, counted; texts do not count."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, ...]] = Counter()
        self.dangerous: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[(tag, *sorted(name for name, _value in attrs))] += 1
        for name, value in attrs:
            address = (value or "").strip().casefold()
            if name in ("href", "src", "action", "formaction", "data") and address.startswith(
                ("javascript:", "data:text", "vbscript:")
            ):
                self.dangerous.append(f"<{tag} {name}={value!r}>")
