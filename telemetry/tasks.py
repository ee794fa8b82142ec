"""Celery's way into telemetry's services: one call each, safe to run twice and at once."""

import time

from celery import shared_task

from telemetry import services
from voltop import jobs

BUDGET_S = 120
"""A run that still finds work after this leaves the rest to the next ring."""


@shared_task(name="telemetry.derive_pending")
def derive_pending() -> None:
    """Work off what came in."""
    until = time.monotonic() + BUDGET_S
    with jobs.apart("telemetry.derive_pending") as pieces:
        with pieces.of(None):
            services.replay_quarantine()
        with pieces.of(None):
            while services.derive_pending() and time.monotonic() < until:
                pass


@shared_task(name="telemetry.make_partitions")
def make_partitions() -> None:
    """Have tomorrow's partition ready before the first sample of tomorrow comes."""
    services.make_partitions_ahead()


@shared_task(name="telemetry.tidy")
def tidy() -> None:
    """Drop what is past its time: quarantine, samples past every company's retention."""
    services.tidy()
