"""The outcome of a run: a table for the person at the terminal, JSON for everything else."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ORDER = (
    "data",
    "samples",
    "vehicles",
    "trips",
    "shifts",
    "payments",
    "payouts",
    "ledger",
    "bank",
    "sessions",
    "reservations",
    "dispute",
    "seconds",
    "steps_s",
    "memory_mb",
    "notes",
    "failures",
)


def write(report: Mapping[str, Any], path: Path) -> None:
    """The report as JSON, in a fixed order; money comes as strings already."""
    ordered = {name: report[name] for name in ORDER if name in report}
    path.write_text(json.dumps(ordered, indent=2, default=_plain) + "\n")


def show(report: Mapping[str, Any], console: Console) -> None:
    """The report as a table, and whether everything held."""
    table = Table(title="Voltop: the main job", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_column(justify="right")
    for section in ORDER:
        if section in report and section not in ("notes", "failures"):
            for name, value in _rows(report[section]):
                table.add_row(section, name, value)
                section = ""
            table.add_section()
    console.print(table)
    for note in report.get("notes", ()):
        console.print(f"Note: {note}", markup=False)
    failures = report.get("failures", ())
    for failure in failures:
        console.print(f"FAILED: {failure}", style="red", markup=False)
    if not failures:
        console.print("Everything held.", style="green")


def _rows(value: Any, before: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _rows(inner, f"{before} {name}".strip())
    elif isinstance(value, int | float | Decimal):
        yield before, f"{value:,}"
    else:
        yield before, str(value)


def _plain(value: Any) -> Any:
    """Kilometres, hours and money as plain numbers."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
