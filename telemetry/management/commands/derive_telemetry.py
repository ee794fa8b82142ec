"""Work off everything that came in: quarters, trips, hired runs, days. Returns when it is done.

The worker does the same every half a minute; this is for those who do not want to wait.
"""

import time
from typing import Any

from django.core.management.base import BaseCommand

from telemetry.models import IngestBatch
from telemetry.services import derive_pending, replay_quarantine


class Command(BaseCommand):
    help = "Derive trips, hired runs and days from all samples that have come in."

    def handle(self, *args: Any, **options: Any) -> None:
        started, done = time.monotonic(), 0
        replay_quarantine()
        while IngestBatch.objects.exists():
            count = derive_pending()
            done += count
            if count == 0:  # another worker has the rest
                time.sleep(0.2)
        self.stdout.write(f"batches {done} in {time.monotonic() - started:.1f} s")
