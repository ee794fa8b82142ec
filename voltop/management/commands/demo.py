"""`manage.py demo [--data DIR] [--out FILE]`: the main job, on real input, from end to end.

Works in a database and processes of its own, which are gone afterwards. Exits 0 only if everything
held. Without DIR, ../shared/data is used where it exists, else a small generated fleet.
"""

import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from voltop.demo import job, report
from voltop.demo.stage import StageError
from voltop.embedded.paths import CHECKOUT

USUAL = CHECKOUT.parent / "shared" / "data"


class Command(BaseCommand):
    help = "A day of a fleet in at one end, drivers paid at the other; a report of what held."
    requires_system_checks = ()  # it has a database of its own

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="folder with the sets of the demo")
        parser.add_argument("--out", type=Path, help="write the report here as JSON")

    def handle(self, *args: Any, data: Path | None, out: Path | None, **options: Any) -> None:
        if data is not None and not data.is_dir():
            raise CommandError(f"no such folder: {data}")
        if data is None and USUAL.is_dir():
            data = USUAL
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request
        console = Console()
        console.print(
            f"The main job on the sets below {data}"
            if data
            else "The main job on a small generated fleet; a real day of your own: make demo DATA=…"
        )
        try:
            found = job.carry_out(data, console)
        except StageError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("interrupted; everything that was started has ended") from None
        report.show(found, console)
        if out is not None:
            report.write(found, out)
        if found["failures"]:
            raise CommandError(f"{len(found['failures'])} things did not hold")
