"""Reads of telemetry that are more than a list of one table.

Everything here that reads samples names a time range: without one the planner would look at every
partition.
"""

from telemetry.selectors.latest import latest_samples
from telemetry.selectors.measure import Measurement, Stretch, measure, measure_many
from telemetry.selectors.sources import (
    quarantined_devices,
    source_of_token,
    with_present_vehicle,
)
from telemetry.selectors.track import LONGEST_TRACK, track
from telemetry.selectors.work import was_in_use, work_intervals

__all__ = [
    "LONGEST_TRACK",
    "Measurement",
    "Stretch",
    "latest_samples",
    "measure",
    "measure_many",
    "quarantined_devices",
    "source_of_token",
    "track",
    "was_in_use",
    "with_present_vehicle",
    "work_intervals",
]
