"""Reads of telemetry that are more than a list of one table."""

from telemetry.selectors.sources import source_of_token

__all__ = ["source_of_token"]
