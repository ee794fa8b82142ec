"""Import a file of records with a progress bar; go on where an earlier run stopped.

manage.py import_rows drivers drivers.csv --provider 3 --dry-run
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fleets import services
from fleets.errors import ImportUnderWay
from fleets.models import DataImport, DataImportProblem, FleetProvider
from voltop.context import Actor
from voltop.errors import DomainError
from voltop.jobs import Job
from voltop.records import record_kinds
from voltop.tabular import DELIMITERS

SHOWN = 20


class Command(BaseCommand):
    help = "Import records of a kind from a CSV (plain or gzipped) or XLSX file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(record_kinds()))
        parser.add_argument("file", type=Path)
        parser.add_argument("--provider", required=True, help="id or name of the company")
        parser.add_argument(
            "--dry-run", action="store_true", help="judge every row, change nothing"
        )
        parser.add_argument("--delimiter", choices=DELIMITERS, default=",")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"no such file: {path}")
        provider = _provider(options["provider"])
        started = time.monotonic()
        try:
            done = _import(_requested(provider, path, options), Console(stderr=True))
        except DomainError as error:
            raise CommandError(str(error)) from error
        seconds = max(time.monotonic() - started, 0.001)
        job = done.job
        if job.state == Job.State.FAILED:
            raise CommandError(f"{job.error_code}: {job.error_detail} (rows done: {job.done})")
        if job.state != Job.State.DONE:
            raise CommandError(f"import {done.pk} goes on elsewhere (rows done: {job.done})")
        self.stdout.write(
            f"{'dry run, ' if done.dry_run else ''}rows {job.done}, created {done.created_count},"
            f" updated {done.updated_count}, refused {done.refused_count} in {seconds:.1f} s"
        )


def _provider(text: str) -> FleetProvider:
    wanted = {"pk": int(text)} if text.isdigit() else {"name": text}
    found = list(FleetProvider.objects.filter(**wanted)[:2])
    if len(found) != 1:
        problem = "no such company" if not found else "several companies have this name"
        raise CommandError(f"{problem}: {text}")
    return found[0]


def _requested(provider: FleetProvider, path: Path, options: dict[str, Any]) -> DataImport:
    """The import of this file: a new one, or one that was broken off."""
    try:
        return services.request_import(
            provider,
            actor=Actor.system("fleets.import_rows", provider.pk),
            kind=record_kinds()[options["kind"]],
            file_name=path.name[:200],
            content=path.read_bytes(),
            delimiter=options["delimiter"],
            dry_run=options["dry_run"],
        )
    except ImportUnderWay as error:
        return DataImport.objects.for_provider(provider.pk).get(pk=error.extra["data_import"])


def _import(work: DataImport, console: Console) -> DataImport:
    """Take the rows with a bar over them; the first mistakes are shown."""
    shown = 0
    bar = Progress(
        TextColumn(work.file_name),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} rows"),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("", total=work.job.total)

        def progress(now: DataImport, problems: Sequence[DataImportProblem]) -> None:
            nonlocal shown
            bar.update(task, completed=now.job.done)
            for problem in problems[: max(SHOWN - shown, 0)]:
                place = f"{problem.column}: " if problem.column else ""
                text = f"row {problem.row_number}: {place}{problem.code}: {problem.detail}"
                console.print(text, markup=False)
            shown += len(problems)

        services.run_import(work.job_id, progress=progress)
    return DataImport.objects.unscoped().select_related("job").get(pk=work.pk)
