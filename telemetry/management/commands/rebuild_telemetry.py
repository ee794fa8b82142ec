"""Make everything derived again from the samples; the result is the same, to the byte.

manage.py rebuild_telemetry --from 2026-03-01 --to 2026-04-01 [--vehicle 12]
"""

import time
from datetime import UTC, date, datetime
from datetime import time as wall_time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry.services import rebuild


class Command(BaseCommand):
    help = "Make trips, hired runs, quarters and days again from samples (UTC days, to: exclusive)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True)
        parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
        parser.add_argument("--vehicle", type=int, action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        start, end = (
            datetime.combine(options[name], wall_time(), UTC) for name in ("first", "last")
        )
        if end <= start:
            raise CommandError("--to must come after --from")
        started = time.monotonic()
        count = rebuild(start, end, vehicle_ids=options["vehicle"])
        self.stdout.write(f"vehicles {count} in {time.monotonic() - started:.1f} s")
