"""Reads of telemetry that are more than a list of one table.

Everything here that reads samples names a time range: without one the planner would look at every
partition.
"""

from telemetry.selectors.measure import Measurement, Stretch, measure, measure_many
from telemetry.selectors.sources import source_of_token
from telemetry.selectors.work import work_intervals

__all__ = [
    "Measurement",
    "Stretch",
    "measure",
    "measure_many",
    "source_of_token",
    "work_intervals",
]
