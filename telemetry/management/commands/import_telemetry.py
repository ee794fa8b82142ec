"""Read a file of samples in, with a progress bar; go on where an earlier run stopped.

manage.py import_telemetry one_day.csv.gz --source trackers --mapping cabs
"""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from telemetry.mappings import MAPPINGS
from telemetry.models import TelemetryImport, TelemetrySource
from telemetry.samples import Rejection
from telemetry.services import import_file
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.tabular import read_rows

SHOWN_ROWS = 20


class Command(BaseCommand):
    help = "Import samples from a CSV file (plain or gzipped)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="name of the telemetry source")
        parser.add_argument("--mapping", choices=sorted(MAPPINGS), default="cabs")
        parser.add_argument("--provider", type=int, help="where the name is not unique")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"no such file: {path}")
        source = _source(options["source"], options["provider"])
        console = Console(stderr=True)
        started = time.monotonic()
        try:
            done = _import(source, path, options["mapping"], console)
        except DomainError as error:
            raise CommandError(str(error)) from error
        seconds = max(time.monotonic() - started, 0.001)
        self.stdout.write(
            f"rows {done.rows_done}, accepted {done.accepted_count},"
            f" duplicates {done.duplicate_count}, quarantined {done.quarantined_count},"
            f" rejected {done.rejected_count} in {seconds:.1f} s"
        )


def _source(name: str, provider_id: int | None) -> TelemetrySource:
    found = TelemetrySource.objects.unscoped().filter(name=name)
    if provider_id is not None:
        found = found.filter(provider_id=provider_id)
    sources = list(found[:2])
    if len(sources) != 1:
        problem = "no such source" if not sources else "several sources have this name"
        raise CommandError(f"{problem}: {name}")
    return sources[0]


def _import(source: TelemetrySource, path: Path, mapping: str, console: Console) -> TelemetryImport:
    """Import with a bar over the file's rows; the first refused rows are shown with their code."""
    shown = 0
    bar = Progress(
        TextColumn(path.name),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} rows"),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("", total=sum(1 for _ in read_rows(path)))

        def progress(done: TelemetryImport, refused: list[Rejection]) -> None:
            nonlocal shown
            bar.update(task, completed=done.rows_done)
            for rejection in refused[: SHOWN_ROWS - shown]:
                console.print(f"row {rejection.ref}: {rejection.error}", markup=False)
            shown += len(refused)

        actor = Actor.system("telemetry.import_telemetry", source.provider_id)
        return import_file(source, path, mapping=mapping, actor=actor, progress=progress)
