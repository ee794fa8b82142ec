"""What a run says: `docs/benchmarks.md` for people, `build/bench.json` for programs."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voltop.embedded.paths import CHECKOUT

JSON_FILE = CHECKOUT / "build" / "bench.json"
DOCUMENT = CHECKOUT / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `make bench`; do not edit. Each hot path of the product runs against small honest
programs (`benchmarks/`) that do the same work on the same tables, interleaved in one run. What
counts are the **ratios**: absolute figures belong to the machine of the day, and other work on it
moves them by a lot. CPU comes from /proc in ticks of 10 ms.
"""


@dataclass(frozen=True)
class Target:
    """A ratio that has to be reached. `met` is None where the run cannot tell (`void` says why)."""

    row: str
    baseline: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None
    void: str = ""

    @property
    def target(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"

    @property
    def met(self) -> bool | None:
        if self.void:
            return None
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return self.at_most is not None and self.ratio <= self.at_most

    def as_dict(self) -> dict[str, Any]:
        found = {
            "row": self.row,
            "baseline": self.baseline,
            "ratio": round(self.ratio, 3),
            "target": self.target,
            "met": self.met,
        }
        return {**found, "void": self.void} if self.void else found


@dataclass
class Section:
    """One row's part of the document, and its targets."""

    name: str
    title: str
    text: str
    targets: list[Target] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What was not as it must be whatever the speed: failed requests, samples lost."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def verdicts(targets: Iterable[Target]) -> str:
    words = {True: "met", False: "**missed**", None: "**void**"}
    return table(
        ("against", "reached", "target", ""),
        [(t.baseline, f"{t.ratio:.2f}", t.target, words[t.met]) for t in targets],
    )


def write(sections: Sequence[Section]) -> None:
    """Write both files; sections of rows that did not run stay as they were."""
    JSON_FILE.parent.mkdir(exist_ok=True)
    known = _known_targets()
    known.update({s.name: [t.as_dict() for t in s.targets] for s in sections})
    everything = [target for name in sorted(known) for target in known[name]]
    JSON_FILE.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    parts = _known_sections(DOCUMENT)
    for section in sections:
        parts[section.name] = _shape(section)
    DOCUMENT.write_text(_HEAD + "".join(f"\n{parts[name]}" for name in sorted(parts)))


def _shape(section: Section) -> str:
    return (
        f"<!-- row: {section.name} -->\n## {section.title}\n\n"
        f"Measured on {datetime.now(UTC):%Y-%m-%d}.\n\n"
        f"{section.text.strip()}\n<!-- end -->\n"
    )


def _known_sections(path: Path) -> dict[str, str]:
    text = path.read_text() if path.exists() else ""
    found = re.findall(r"(<!-- row: (\S+) -->\n.*?<!-- end -->\n)", text, re.DOTALL)
    return {name: part for part, name in found}


def _known_targets() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    if JSON_FILE.exists():
        for target in json.loads(JSON_FILE.read_text()):
            found.setdefault(target["row"], []).append(target)
    return found


def last_line(sections: Sequence[Section]) -> tuple[str, bool]:
    """One line of JSON, and whether all is well."""
    targets = [target for section in sections for target in section.targets]
    wrong = [what for section in sections for what in section.wrong]
    well = bool(targets) and not wrong and all(target.met for target in targets)
    line = {
        "bench": "met" if well else "not met",
        "rows": [section.name for section in sections],
        "met": sum(target.met is True for target in targets),
        "missed": [f"{t.row}: {t.baseline}" for t in targets if t.met is False],
        "void": [f"{t.row}: {t.baseline}" for t in targets if t.met is None],
        "wrong": wrong,
        "ratios": {f"{t.row}: {t.baseline}": round(t.ratio, 2) for t in targets},
    }
    return json.dumps(line, ensure_ascii=False), well
